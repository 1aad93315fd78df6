//! From request headers to the token: RFC 6750 §2.1 and RFC 9110 §11.4, nothing more lenient.

use http::{HeaderMap, header};

use super::rejection::{Fault, Rejection};

/// The bearer token of a request; `None` without credentials or with those of another scheme.
///
/// Work before the length is known to be within `max_len` does not depend on the length.
pub(super) fn token(headers: &HeaderMap, max_len: usize) -> Result<Option<&str>, Rejection> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Rejection::MalformedHeader);
    }
    let (scheme, credentials) = split_scheme(value.as_bytes());
    if scheme.is_empty() || !scheme.iter().copied().all(is_token_char) {
        return Err(Rejection::MalformedHeader);
    }
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    if credentials.len() > max_len {
        return Err(Fault::TooLong.into());
    }
    let token = trim_leading_spaces(credentials);
    if !is_token68(token) {
        return Err(Rejection::MalformedHeader);
    }
    std::str::from_utf8(token).map(Some).map_err(|_| Rejection::MalformedHeader)
}

/// Splits at the first space. The longest registered scheme name has 20 characters: what runs on beyond 64 is none.
fn split_scheme(value: &[u8]) -> (&[u8], &[u8]) {
    match value.iter().take(65).position(|byte| *byte == b' ') {
        Some(end) => (&value[..end], &value[end..]),
        None if value.len() <= 64 => (value, b""),
        None => (b"", b""),
    }
}

fn trim_leading_spaces(mut bytes: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// `tchar` of RFC 9110 §5.6.2.
fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `token68` of RFC 9110 §11.2, which RFC 6750 calls `b64token`.
fn is_token68(bytes: &[u8]) -> bool {
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    let (body, _) = bytes.split_at(bytes.len() - padding);
    !body.is_empty() && body.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&[u8]]) -> Result<Option<String>, Rejection> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        token(&headers, 16).map(|token| token.map(str::to_owned))
    }

    #[test]
    fn the_header_decides_as_the_table_says() {
        let missing = Ok(None);
        let malformed = Err(Rejection::MalformedHeader);
        let too_long = Err(Fault::TooLong.into());
        let found = |token: &str| Ok(Some(token.to_owned()));
        let long_scheme = [b'a'; 65];
        type Case<'a> = (&'a [&'a [u8]], Result<Option<String>, Rejection>);
        let table: &[Case<'_>] = &[
            (&[], missing.clone()),
            (&[b"Bearer a.b.c"], found("a.b.c")),
            (&[b"bearer a.b.c"], found("a.b.c")),
            (&[b"BEARER a.b.c"], found("a.b.c")),
            (&[b"Bearer    a.b.c"], found("a.b.c")),
            (&[b"Bearer a=="], found("a==")),
            (&[b"Basic dXNlcjpwYXNz"], missing.clone()),
            (&[b"Basic"], missing.clone()),
            (&[b"Bearerx a.b.c"], missing.clone()),
            (&[b"Bearer a.b.c", b"Bearer a.b.c"], malformed.clone()),
            (&[b"Basic a", b"Bearer a.b.c"], malformed.clone()),
            (&[b""], malformed.clone()),
            (&[b"Bearer"], malformed.clone()),
            (&[b"Bearer "], malformed.clone()),
            (&[b" Bearer a.b.c"], malformed.clone()),
            (&[b"Bearer\ta.b.c"], malformed.clone()),
            (&[b"Bearer a.b.c "], malformed.clone()),
            (&[b"Bearer a b"], malformed.clone()),
            (&[b"Bearer a,b"], malformed.clone()),
            (&[b"Bearer \"a\""], malformed.clone()),
            (&[b"Bearer =="], malformed.clone()),
            (&[b"Bearer a=b"], malformed.clone()),
            (&["Bearer ä.b.c".as_bytes()], malformed.clone()),
            (&[b"Bearer \xff"], malformed.clone()),
            (&[&long_scheme], malformed),
            (&[b"Bearer abcdefghijklmnopqrstuvwxyz"], too_long),
        ];
        for (values, expected) in table {
            assert_eq!(&read(values), expected, "{values:?}");
        }
    }
}
