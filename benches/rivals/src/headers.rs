//! `security_headers`: the same twelve headers each.

use std::convert::Infallible;

use axum_helmet::{Helmet, HelmetLayer};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use http_body_util::Full;
use portcullis_layers::security_headers::{ContentSecurityPolicy, SecurityHeadersLayer};
use tower::{Layer, Service, ServiceBuilder};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::exchange::{Failure, Get, Plain};
use crate::table::{Row, Table};

const OURS: &str = "security_headers, twelve";

pub(crate) fn measure(table: &mut Table, get: &Get) -> Result<(), Failure> {
    let rival = |name| Row { rival_of: Some(OURS), ..Row::passed(name) };
    let twelve: HelmetLayer = Helmet::default().try_into()?;
    let headers = twelve.layer(Plain::ok());
    let [a, b, c, d, e, f, g, h, i, j, k, l] = set_by(headers.clone(), get)?;

    let ours = SecurityHeadersLayer::builder();
    Ok(())
}
