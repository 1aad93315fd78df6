//! The API's description in both of its formats, and Swagger UI to read it with. Nothing is fetched from elsewhere.

use http::{HeaderValue, StatusCode, header};
use swagger_ui_redist::{SwaggerUi, SwaggerUiStaticFile};

use super::Call;
use crate::asset::{Asset, Keep};
use crate::error::ApiError;
use crate::pages::policy;
use crate::reply::{self, Response};

/// The description of the API as people wrote it.
pub const OPENAPI_YAML: &str = include_str!("../../openapi.yaml");

/// The same as JSON, converted at build time.
pub const OPENAPI_JSON: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json"));

const PAGE: &[u8] = include_bytes!("../pages/docs.html");
const INIT_JS: &[u8] = include_bytes!("../pages/docs-init.js");

/// `GET /openapi.yaml`, with the media type of RFC 9512.
pub async fn openapi_yaml(call: Call) -> reply::Result {
    Ok(Asset::new("openapi.yaml", Keep::Revalidate, OPENAPI_YAML.as_bytes()).answer(&call.parts.headers))
}

/// `GET /openapi.json`.
pub async fn openapi_json(call: Call) -> reply::Result {
    Ok(Asset::new("openapi.json", Keep::Revalidate, OPENAPI_JSON).answer(&call.parts.headers))
}

/// `GET /docs`, Swagger UI.
pub async fn page(call: Call) -> reply::Result {
    let mut response = Asset::new("docs.html", Keep::Revalidate, PAGE).answer(&call.parts.headers);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy::DOCS.clone());
    Ok(response)
}

/// `GET /docs/{file}`, what the page consists of.
///
/// # Errors
/// [`ApiError::NotFound`] for any other name.
pub async fn asset(call: Call) -> reply::Result {
    let name = call.parts.uri.path().strip_prefix("/docs/").ok_or(ApiError::NotFound)?;
    let (keep, content) = if name == "init.js" {
        (Keep::Revalidate, INIT_JS)
    } else {
        let (_, content) = SwaggerUi::static_files()
            .iter()
            // The preset is the bar above other people's pages, in which one chooses between documents. Here is one document.
            .filter(|(kind, _)| *kind != SwaggerUiStaticFile::StandalonePresetJs)
            .find(|(kind, _)| kind.file_name() == name)
            .ok_or(ApiError::NotFound)?;
        (Keep::Day, *content)
    };
    Ok(Asset::new(name, keep, content).answer(&call.parts.headers))
}

/// `GET /swagger/index.html`, where services of this kind often have such a page.
pub async fn redirect(_: Call) -> reply::Result {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/docs"));
    Ok(response)
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
}
