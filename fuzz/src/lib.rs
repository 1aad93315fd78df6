//! What every sanitising function promises for every input. Run a target with `cargo +nightly fuzz run sanitize_name`.

use portcullis_layers::sanitize::SanitizationResult;

/// Panics if the result for `input` breaks a promise: no control characters, findings that lie inside the input, and a value that is
/// accepted again as it is.
///
/// `breaks` are the control characters that the value may hold.
pub fn check(input: &[u8], breaks: &[char], sanitize: for<'a> fn(&'a [u8]) -> SanitizationResult<'a>) {
    let result = sanitize(input);
    assert!(!result.value.chars().any(|c| c.is_control() && !breaks.contains(&c)), "control character: {result:?}");
    assert!(
        result.rejected_patterns.iter().all(|found| found.start <= found.end && found.end <= input.len()),
        "place outside the input: {result:?}"
    );
    assert_eq!(result.accepted, result.errors.is_empty());
    assert_eq!(result.modified, result.value.as_bytes() != input);
    if result.accepted {
        let again = sanitize(result.value.as_bytes());
        assert!(
            again.accepted && !again.modified && again.rejected_patterns.is_empty(),
            "{result:?} becomes {again:?}"
        );
    }
}
