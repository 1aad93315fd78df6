//! The pages where links in mails land, and the files that they consist of.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::Call;
use crate::asset::{Asset, Keep};
use crate::error::ApiError;
use crate::pages::{FILES, PAGES, policy};
use crate::reply;

/// `GET` of any page of [`PAGES`], in the reader's language. The token in its address is left to the page's script.
///
/// # Errors
/// [`ApiError::Internal`] if the language lacks a text.
pub async fn show(call: Call) -> reply::Result {
    let path = call.parts.uri.path();
    let page = PAGES.iter().find(|page| page.path == path).ok_or(ApiError::NotFound)?;
    let wanted = call.parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let rendered = call.app.pages.render(page, wanted).map_err(ApiError::internal)?;
    let language = HeaderValue::from_str(rendered.language).map_err(ApiError::internal)?;
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = reply::bytes(StatusCode::OK, html, Bytes::from(rendered.html));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, language);
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy::LINKS.clone());
    Ok(response)
}

/// `GET /pages/{file}`, what the pages consist of.
///
/// # Errors
/// [`ApiError::NotFound`] for any other name.
pub async fn asset(call: Call) -> reply::Result {
    let name = call.parts.uri.path().strip_prefix("/pages/").ok_or(ApiError::NotFound)?;
    let (name, content) = FILES.iter().find(|(file, _)| *file == name).ok_or(ApiError::NotFound)?;
    Ok(Asset::new(name, Keep::Revalidate, content).answer(&call.parts.headers))
}
