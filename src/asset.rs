//! Files that are part of the program: the same for everybody, and not sent again to who holds them (RFC 9110 §13).

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::reply::{self, Response};

/// For how long a copy may be used without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It changes with every release, so a copy must be asked about each time; the answer is a 304 nearly always.
    Revalidate,
    /// It changes with a dependency.
    Day,
}

/// A file.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    content_type: &'static str,
    keep: Keep,
    content: &'static [u8],
}

impl Asset {
    /// A file whose media type follows from the end of its `name`.
    #[must_use]
    pub fn new(name: &str, keep: Keep, content: &'static [u8]) -> Self {
        Self { content_type: content_type(name), keep, content }
    }

    /// The file, or 304 if the caller holds it already.
    #[must_use]
    pub fn answer(&self, request: &HeaderMap) -> Response {
        let etag = entity_tag(self.content);
        let mut response = if is_held(request, &etag) {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            let content = Bytes::from_static(self.content);
            reply::bytes(StatusCode::OK, HeaderValue::from_static(self.content_type), content)
        };
        if let Ok(etag) = HeaderValue::try_from(etag) {
            response.headers_mut().insert(header::ETAG, etag);
        }
        let cache = match self.keep {
            Keep::Revalidate => "no-cache",
            Keep::Day => "public, max-age=86400",
        };
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        response
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "json")) => "application/json",
        Some((_, "png")) => "image/png",
        Some((_, "svg")) => "image/svg+xml",
        // RFC 9512.
        Some((_, "yaml")) => "application/yaml",
        _ => "application/octet-stream",
    }
}

/// Weak, because the same content leaves compressed as well as plain (RFC 9110 §8.8.3).
fn entity_tag(content: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, content);
    // 96 bits are plenty to tell versions apart.
    let start = hash.as_ref().first_chunk::<12>().copied().unwrap_or_default();
    format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(start))
}

/// RFC 9110 §13.1.2: a list of tags, or `*`; weakness does not count.
fn is_held(request: &HeaderMap, etag: &str) -> bool {
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|held| held == "*" || opaque(held) == opaque(etag))
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_contents_have_different_tags() {
        assert_ne!(entity_tag(b"one"), entity_tag(b"other"));
        assert_eq!(entity_tag(b"one"), entity_tag(b"one"));
    }

    #[test]
    fn a_copy_is_recognised_in_every_form_that_a_tag_may_be_sent_in() {
        let asset = Asset::new("page.css", Keep::Revalidate, b"a {}");
        let tag = entity_tag(b"a {}");
        for (sent, held) in [
            (tag.as_str(), true),
            (opaque(&tag), true),
            (&format!("\"old\", {tag}"), true),
            ("*", true),
            ("\"old\"", false),
            ("", false),
        ] {
            let request = HeaderMap::from_iter([(header::IF_NONE_MATCH, sent.parse().unwrap())]);
            assert_eq!(asset.answer(&request).status() == StatusCode::NOT_MODIFIED, held, "{sent}");
        }
    }
}
