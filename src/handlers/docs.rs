//! The API's description in both of its formats, and Swagger UI to read it with. Nothing is fetched from elsewhere.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use swagger_ui_redist::{SwaggerUi, SwaggerUiStaticFile};

use super::Call;
use crate::error::ApiError;
use crate::reply::{self, Response};

/// The description of the API as people wrote it.
pub const OPENAPI_YAML: &str = include_str!("../../openapi.yaml");

/// The same as JSON, converted at build time.
pub const OPENAPI_JSON: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json"));

const PAGE: &[u8] = include_bytes!("../pages/docs.html");
const INIT_JS: &[u8] = include_bytes!("../pages/docs-init.js");

/// Scripts and styles as files of ours only; `data:` images, because the style sheet of Swagger UI has its icons inside.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// Changes with every release, so a copy must be asked about each time; the answer is a 304 nearly always.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
/// Changes when Swagger UI does.
const KEEP_A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");

/// `GET /openapi.yaml`, with the media type of RFC 9512.
pub async fn openapi_yaml(call: Call) -> reply::Result {
    Ok(file(&call, "application/yaml", REVALIDATE, OPENAPI_YAML.as_bytes()))
}

/// `GET /openapi.json`.
pub async fn openapi_json(call: Call) -> reply::Result {
    Ok(file(&call, "application/json", REVALIDATE, OPENAPI_JSON))
}

/// `GET /docs`, Swagger UI.
pub async fn page(call: Call) -> reply::Result {
    let mut response = file(&call, "text/html; charset=utf-8", REVALIDATE, PAGE);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    Ok(response)
}

/// `GET /docs/{file}`, what the page consists of.
///
/// # Errors
/// [`ApiError::NotFound`] for any other name.
pub async fn asset(call: Call) -> reply::Result {
    let name = call.parts.uri.path().strip_prefix("/docs/").ok_or(ApiError::NotFound)?;
    if name == "init.js" {
        return Ok(file(&call, content_type(name), REVALIDATE, INIT_JS));
    }
    let (_, content) = SwaggerUi::static_files()
        .iter()
        // The preset is the bar above other people's pages, in which one chooses between documents. Here is one document.
        .filter(|(kind, _)| *kind != SwaggerUiStaticFile::StandalonePresetJs)
        .find(|(kind, _)| kind.file_name() == name)
        .ok_or(ApiError::NotFound)?;
    Ok(file(&call, content_type(name), KEEP_A_DAY, content))
}

/// `GET /swagger/index.html`, where services of this kind often have such a page.
pub async fn redirect(_: Call) -> reply::Result {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/docs"));
    Ok(response)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "png")) => "image/png",
        _ => "application/octet-stream",
    }
}

/// The content, or 304 if the caller has it already.
fn file(call: &Call, content_type: &'static str, cache: HeaderValue, content: &'static [u8]) -> Response {
    let etag = entity_tag(content);
    let mut response = if is_held(call, &etag) {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        reply::bytes(StatusCode::OK, HeaderValue::from_static(content_type), Bytes::from_static(content))
    };
    if let Ok(etag) = HeaderValue::try_from(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    response
}

/// Weak, because the same content leaves compressed as well as plain (RFC 9110 §8.8.3).
fn entity_tag(content: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, content);
    // 96 bits are plenty to tell versions apart.
    let start = hash.as_ref().first_chunk::<12>().copied().unwrap_or_default();
    format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(start))
}

/// RFC 9110 §13.1.2: a list of tags, or `*`; weakness does not count.
fn is_held(call: &Call, etag: &str) -> bool {
    call.parts
        .headers
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
    fn the_page_names_only_files_that_are_served() {
        let served =
            |name: &str| name == "init.js" || SwaggerUiStaticFile::all().iter().any(|kind| kind.file_name() == name);
        let page = std::str::from_utf8(PAGE).unwrap();
        let names: Vec<_> = page.split("\"/docs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(names.len(), 6);
        assert!(names.iter().all(|name| served(name)), "{names:?}");
    }

    #[test]
    fn the_page_has_nothing_inline_that_its_policy_would_block() {
        let page = std::str::from_utf8(PAGE).unwrap();
        assert!(!page.contains("<style") && !page.contains("style=") && !page.contains(" on"));
        assert!(
            page.split("<script").skip(1).all(|script| script.starts_with(" src=") && script.contains("></script>"))
        );
    }

    #[test]
    fn different_contents_have_different_tags() {
        assert_ne!(entity_tag(PAGE), entity_tag(INIT_JS));
        assert_eq!(entity_tag(PAGE), entity_tag(PAGE));
    }
}
