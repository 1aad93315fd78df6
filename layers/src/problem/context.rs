//! What is kept of a request until its answer is known.

use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode};

use crate::RequestId;

/// The most bytes of a path that the member `instance` repeats.
const LONGEST_INSTANCE: usize = 1_024;

/// The parts of a request that a problem body may name. Cloned from it at reference-count cost.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    method: Method,
    target: Option<PathAndQuery>,
    request_id: Option<RequestId>,
}

impl Asked {
    /// The id only where a closure of the app may ask for it.
    pub(super) fn of<B>(request: &Request<B>, with_id: bool) -> Self {
        let id = || request.extensions().get::<RequestId>().cloned();
        Self {
            method: request.method().clone(),
            target: request.uri().path_and_query().cloned(),
            request_id: if with_id { id() } else { None },
        }
    }
}

/// The request and the answer that is being rendered for it, as the closures of the app see them.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    asked: &'a Asked,
    status: StatusCode,
    code: &'a str,
}

impl<'a> Context<'a> {
    pub(super) fn new(asked: &'a Asked, status: StatusCode, code: &'a str) -> Self {
        Self { asked, status, code }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The machine code of the answer: the member `error`.
    #[must_use]
    pub fn code(&self) -> &'a str {
        self.code
    }

    /// The method of the request.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        &self.asked.method
    }

    /// The path of the request as it was sent, without the query; empty for `CONNECT`, which has none.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.asked.target.as_ref().map_or("", PathAndQuery::path)
    }

    /// The member `instance`: the path, cut where it gets long. A client may send any length, and is not to get it all back.
    pub(super) fn instance(&self) -> &'a str {
        let path = self.path();
        &path[..end_of_instance(path)]
    }

    /// The id of the request, where an outer layer has given it one.
    #[must_use]
    pub fn request_id(&self) -> Option<&'a RequestId> {
        self.asked.request_id.as_ref()
    }
}

/// A cut leaves characters and percent-encoded octets whole, so that what remains is a URI reference.
fn end_of_instance(path: &str) -> usize {
    if path.len() <= LONGEST_INSTANCE {
        return path.len();
    }
    let splits_octet = |end: usize| path.as_bytes()[end.saturating_sub(2)..end].contains(&b'%');
    (0..=LONGEST_INSTANCE).rev().find(|end| path.is_char_boundary(*end) && !splits_octet(*end)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance_of(path: &str) -> String {
        let request = Request::get(format!("{path}?query")).body(()).unwrap();
        Context::new(&Asked::of(&request, false), StatusCode::NOT_FOUND, "not_found").instance().to_owned()
    }

    #[test]
    fn an_ordinary_path_is_its_own_instance() {
        let longest = format!("/{}", "a".repeat(1_023));
        for path in ["/", "/users/%C3%A9", "/é", longest.as_str()] {
            assert_eq!(instance_of(path), path);
        }
    }

    #[test]
    fn a_long_path_is_cut_at_1024_bytes() {
        assert_eq!(instance_of(&format!("/{}", "a".repeat(60_000))), format!("/{}", "a".repeat(1_023)));
    }

    #[test]
    fn a_cut_leaves_characters_and_percent_encoded_octets_whole() {
        for (start, unit, kept) in
            [("/", "é", 511), ("/", "€", 341), ("/a", "€", 340), ("/a", "%C3", 340), ("/aa", "%C3", 340)]
        {
            let whole = format!("{start}{}", unit.repeat(kept));
            assert_eq!(instance_of(&format!("{whole}{}", unit.repeat(1_000))), whole);
        }
        assert_eq!(
            instance_of(&format!("/{}", "%".repeat(2_000))),
            "/",
            "what is no octet counts as the beginning of one"
        );
    }
}
