//! When a mail is tried again, and when no more.

use jiff::{SignedDuration, Timestamp};

use super::Kind;

/// The first repetition comes quickly: most failures last for a moment.
const QUICK: SignedDuration = SignedDuration::from_secs(5);
/// The second one, from which on the pauses double.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// The longest pause.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// A mail that could not be sent for so long says nothing to its reader any more.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// When a mail of this kind is given up: after a day, or when its link would not work any more.
pub(super) fn give_up_at(kind: Kind, created_at: Timestamp) -> Timestamp {
    let patience = kind.link().map_or(PATIENCE, |link| link.lifetime.min(PATIENCE));
    created_at.saturating_add(patience).unwrap_or(Timestamp::MAX)
}

/// The pause after the failure of this attempt, the first of which is 1. `chance` spreads it by a fifth in both directions, so that what
/// failed together does not come back together.
pub(super) fn pause(attempt: i32, chance: u8) -> SignedDuration {
    let doublings = u32::try_from(attempt.saturating_sub(2)).unwrap_or(0).min(16);
    let base = if attempt <= 1 { QUICK } else { PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE) };
    let thousandths = 800 + i64::from(chance) * 400 / 255;
    let spread = i64::try_from(base.as_millis()).unwrap_or(i64::MAX / 2000).saturating_mul(thousandths) / 1000;
    SignedDuration::from_millis(spread).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_are_spread_by_a_fifth() {
        let seconds = |attempt, chance| pause(attempt, chance).as_secs();
        assert_eq!(
            [1, 2, 3, 4, 8, 9, 10, i32::MAX].map(|attempt| seconds(attempt, 0)),
            [4, 24, 48, 96, 1536, 2880, 2880, 2880]
        );
        assert_eq!([1, 2, 3, 9, i32::MAX].map(|attempt| seconds(attempt, 255)), [6, 36, 72, 3600, 3600]);
        assert_eq!(seconds(i32::MIN, 128), 5);
    }

    #[test]
    fn a_mail_is_given_up_after_a_day_or_with_its_link() {
        let created_at: Timestamp = "2026-06-15T12:00:00Z".parse().unwrap();
        let hours = |kind| give_up_at(kind, created_at).duration_since(created_at).as_hours();
        assert_eq!([Kind::Reset, Kind::Verify, Kind::NewDevice, Kind::PasswordChanged].map(hours), [1, 24, 24, 24]);
    }
}
