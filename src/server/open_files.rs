//! How many connections the operating system lets us have.

/// What is open besides connections: those to the database and to Redis, those of the other listener, files, and clients that are being
/// turned away.
const RESERVED: u64 = 256 + super::turn_away::MOST_AT_ONCE as u64;

/// Raises the limit of open files of this process (`ulimit -n`) as far as it may, which is often from 1024, and lowers `wanted`
/// connections to what it then allows. Without this a flood would leave no descriptor for the database.
pub(super) fn affordable(wanted: usize) -> usize {
    let limit = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => limit,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files is not known");
            return wanted;
        }
    };
    let affordable = within(wanted, limit);
    if affordable < wanted {
        tracing::warn!(
            connections = affordable,
            open_files = limit,
            "MAX_CONNECTIONS={wanted} is more than the limit of open files allows: raise it (ulimit -n, LimitNOFILE=)"
        );
    }
    affordable
}

/// At least half of the files are for connections, however few there are.
fn within(wanted: usize, limit: u64) -> usize {
    let allowed = limit.saturating_sub(RESERVED).max(limit / 2).max(1);
    usize::try_from(allowed).unwrap_or(usize::MAX).min(wanted)
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn connections_leave_room_for_other_files() {
        for (wanted, limit, expected) in
            [(10_000, 20_000, 10_000), (10_000, 1024, 512), (10_000, 4096, 3584), (100, 1024, 100), (10, 1, 1)]
        {
            assert_eq!(within(wanted, limit), expected, "{wanted} of {limit}");
        }
    }
}
