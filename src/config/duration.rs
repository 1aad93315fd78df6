//! Lengths of time as operators write them.

use std::time::Duration;

/// Reads `90s`, `15m`, `168h`, `7d`, `250ms`, or several in a row such as `1h30m`. `None` for anything else, zero included unless written
/// as `0s`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let number: u64 = number.parse().ok()?;
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let part = match unit {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.checked_mul(60)?),
            "h" => Duration::from_secs(number.checked_mul(3600)?),
            "d" => Duration::from_secs(number.checked_mul(86_400)?),
            _ => return None,
        };
        total = total.checked_add(part)?;
        rest = tail;
    }
    // Beyond a century a value is a typing error, and sums with it could leave the calendar.
    (total <= Duration::from_secs(100 * 366 * 86_400)).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_as_written() {
        for (text, seconds) in
            [("15m", 900.0), ("168h", 604_800.0), ("7d", 604_800.0), ("90s", 90.0), ("250ms", 0.25), ("1h30m", 5400.0)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for text in
            ["", "15", "m", "-1s", "1.5h", "1y", "15 m", "1h30", "99999999999999999999s", "18446744073709551615d", "٣s"]
        {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
    }
}
