//! What a presented refresh token deserves. Pure: the facts and the time are arguments.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// What is known of a presented token, its session and its owner.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Whether the owner may act, and neither the session nor the token was revoked.
    pub in_force: bool,
    /// The token's end.
    pub expires_at: Timestamp,
    /// The session's latest end.
    pub session_expires_at: Timestamp,
    /// The session's last refresh.
    pub session_last_used_at: Timestamp,
    /// When the token was exchanged.
    pub rotated_at: Option<Timestamp>,
    /// Whether its sealed successor is still there: it was neither used nor swept.
    pub has_sealed_successor: bool,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The newest of its family: exchange it.
    Rotate,
    /// Exchanged a moment ago, and the reply may have been lost: the same successor again.
    Repeat,
    /// Exchanged before, and somebody holds a copy: end the family (RFC 9700 §4.14.2).
    Replayed,
    /// Past its time; its family is left alone.
    Expired,
    /// Ended before; its family is left alone.
    Revoked,
}

/// Decides.
#[must_use]
pub fn judge(facts: &Facts, now: Timestamp, grace: Duration, idle: Duration) -> Verdict {
    if !facts.in_force {
        return Verdict::Revoked;
    }
    if facts.session_expires_at <= now || elapsed(facts.session_last_used_at, now) >= idle {
        return Verdict::Expired;
    }
    match facts.rotated_at {
        Some(at) if elapsed(at, now) < grace && facts.has_sealed_successor => Verdict::Repeat,
        Some(_) => Verdict::Replayed,
        None if facts.expires_at <= now => Verdict::Expired,
        None => Verdict::Rotate,
    }
}

/// Zero when the clocks of two replicas make the past look like the future.
fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since).max(SignedDuration::ZERO)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(3600);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn fresh() -> Facts {
        Facts {
            in_force: true,
            expires_at: at(1000),
            session_expires_at: at(100_000),
            session_last_used_at: at(0),
            rotated_at: None,
            has_sealed_successor: false,
        }
    }

    #[test]
    fn every_state_of_a_token_has_its_verdict() {
        let rotated =
            Facts { rotated_at: Some(at(100)), has_sealed_successor: true, session_last_used_at: at(100), ..fresh() };
        for (what, facts, now, verdict) in [
            ("the newest token", fresh(), 1, Verdict::Rotate),
            ("its last second", fresh(), 999, Verdict::Rotate),
            ("its end", fresh(), 1000, Verdict::Expired),
            ("an idle session", Facts { expires_at: at(9000), ..fresh() }, 3600, Verdict::Expired),
            ("the session's end", Facts { session_expires_at: at(500), ..fresh() }, 500, Verdict::Expired),
            ("not in force", Facts { in_force: false, ..fresh() }, 1, Verdict::Revoked),
            ("not in force, and rotated", Facts { in_force: false, ..rotated }, 101, Verdict::Revoked),
            ("a repeat at once", rotated, 100, Verdict::Repeat),
            ("a repeat in the window", rotated, 109, Verdict::Repeat),
            ("a repeat at the window's end", rotated, 110, Verdict::Replayed),
            ("the successor was used", Facts { has_sealed_successor: false, ..rotated }, 101, Verdict::Replayed),
            ("a replay past the token's own end", rotated, 1001, Verdict::Replayed),
            ("a repeat seen by a clock that lags", rotated, 98, Verdict::Repeat),
        ] {
            assert_eq!(judge(&facts, at(now), GRACE, IDLE), verdict, "{what}");
        }
    }

    #[test]
    fn without_grace_every_repeat_is_a_replay() {
        let rotated = Facts { rotated_at: Some(at(0)), has_sealed_successor: true, ..fresh() };
        assert_eq!(judge(&rotated, at(0), Duration::ZERO, IDLE), Verdict::Replayed);
    }
}
