//! Codes and sentences for answers that bring none.

use http::{HeaderMap, StatusCode, header};

/// The code of a bare error response.
pub(super) fn code(status: StatusCode, headers: &HeaderMap) -> &'static str {
    match status.as_u16() {
        401 => unauthenticated(headers),
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        406 => "not_acceptable",
        408 => "request_timeout",
        409 => "conflict",
        410 => "gone",
        411 => "length_required",
        412 => "precondition_failed",
        413 => "payload_too_large",
        414 => "uri_too_long",
        415 => "unsupported_media_type",
        416 => "range_not_satisfiable",
        421 => "misdirected_request",
        422 => "unprocessable_content",
        426 => "upgrade_required",
        428 => "precondition_required",
        429 => "rate_limited",
        431 => "headers_too_large",
        501 => "not_implemented",
        502 => "bad_gateway",
        503 => "service_unavailable",
        504 => "timeout",
        400..=499 => "invalid_request",
        _ => "internal_error",
    }
}

/// RFC 6750, 3.1: a Bearer challenge names an error only if a token was sent.
fn unauthenticated(headers: &HeaderMap) -> &'static str {
    let mut bearer = headers
        .get_all(header::WWW_AUTHENTICATE)
        .iter()
        .filter_map(|challenge| challenge.to_str().ok())
        .filter(|challenge| challenge.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")));
    match bearer.next() {
        Some(challenge) if challenge.contains("error=") => "invalid_token",
        Some(_) => "missing_token",
        None => "unauthorized",
    }
}

/// What people read when nobody said more.
pub(super) fn sentence(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "This needs valid credentials.",
        403 => "These credentials do not allow this.",
        404 => "There is nothing at this address.",
        405 => "This method is not allowed at this address.",
        408 => "The request took too long to arrive.",
        409 => "The request conflicts with the present state.",
        413 => "The request body is too large.",
        414 => "The address of the request is too long.",
        415 => "The format of the request body is not supported.",
        429 => "Too many requests; try again later.",
        431 => "The headers of the request are too large.",
        503 => "The service is unavailable at the moment; try again shortly.",
        504 => "The answer took too long.",
        400..=499 => "The request cannot be answered as it stands.",
        _ => "Something went wrong on our side.",
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn code_for_challenges(challenges: &[&'static str]) -> &'static str {
        let mut headers = HeaderMap::new();
        for challenge in challenges {
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        code(StatusCode::UNAUTHORIZED, &headers)
    }

    #[test]
    fn a_bare_401_is_told_apart_by_its_challenge() {
        assert_eq!(code_for_challenges(&[]), "unauthorized");
        assert_eq!(code_for_challenges(&["Basic realm=\"x\""]), "unauthorized");
        assert_eq!(code_for_challenges(&["Basic realm=\"x\"", "bearer realm=\"x\""]), "missing_token");
        assert_eq!(code_for_challenges(&["Bearer realm=\"x\", error=\"invalid_token\""]), "invalid_token");
    }

    #[test]
    fn every_error_status_has_a_code_and_a_sentence() {
        for status in 400..=599 {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(!code(status, &HeaderMap::new()).is_empty());
            assert!(sentence(status).ends_with('.'));
        }
    }

    #[test]
    fn unknown_statuses_fall_back_to_their_class() {
        let code = |status| code(StatusCode::from_u16(status).unwrap(), &HeaderMap::new());
        assert_eq!(code(418), "invalid_request");
        assert_eq!(code(599), "internal_error");
    }
}
