//! `security_headers`: twelve headers each. Those of tower-http are ours to the letter; the helmets bring their own.

use std::convert::Infallible;

use axum_helmet::{Helmet, HelmetLayer};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response};
use portcullis_layers::security_headers::{ContentSecurityPolicy, SecurityHeadersLayer};
use tower::{Layer, Service, ServiceBuilder};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::set_header::response::SetMultipleResponseHeadersLayer;

use crate::exchange::{Failure, Get, Plain};
use crate::table::{Row, Table};

const OURS: &str = "security_headers, twelve";

pub(crate) fn measure(table: &mut Table, get: &Get) -> Result<(), Failure> {
    let rival = |name| Row { rival_of: Some(OURS), ..Row::passed(name) };

    let ours = ours()?.layer(Plain::ok());
    let headers = set_by(ours.clone(), get)?;
    table.measure(Row::passed(OURS), get, ours);

    let [a, b, c, d, e, f, g, h, i, j, k, l] = each(headers.clone())?;
    let twelve = ServiceBuilder::new().layer(a).layer(b).layer(c).layer(d).layer(e).layer(f);
    let twelve = twelve.layer(g).layer(h).layer(i).layer(j).layer(k).layer(l);
    table.measure(rival("tower-http SetResponseHeader × 12"), get, twelve.service(Plain::ok()));

    let metadata = headers.into_iter().filter_map(|(name, value)| Some((name?, value).into())).collect();
    let at_once = SetMultipleResponseHeadersLayer::if_not_present(metadata);
    table.measure(rival("tower-http SetMultipleResponseHeaders"), get, at_once.layer(Plain::ok()));

    let helmet: HelmetLayer = Helmet::default().try_into().map_err(|_| "the default of axum-helmet")?;
    table.measure(rival("axum-helmet, its default twelve"), get, helmet.layer(Plain::ok()));

    let mut helmet = tower_helmet::HelmetLayer::with_defaults();
    helmet.remove("expect-ct").remove("cross-origin-embedder-policy");
    table.measure(rival("tower-helmet, twelve of its defaults"), get, helmet.layer(Plain::ok()));
    Ok(())
}

fn ours() -> Result<SecurityHeadersLayer, Failure> {
    let layer = SecurityHeadersLayer::builder()
        .content_security_policy(ContentSecurityPolicy::deny_all())
        .set(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .set(HeaderName::from_static("origin-agent-cluster"), HeaderValue::from_static("?1"))
        .https(|_| true)
        .build()?;
    Ok(layer)
}

/// The headers that the layer puts on an answer.
fn set_by<S, B>(mut service: S, get: &Get) -> Result<HeaderMap, Failure>
where
    S: Service<Get, Response = Response<B>, Error = Infallible>,
{
    let response = tokio::runtime::Handle::current().block_on(service.call(get.clone()))?;
    let mut headers = response.into_parts().0.headers;
    headers.remove(header::CONTENT_TYPE);
    Ok(headers)
}

fn each(headers: HeaderMap) -> Result<[SetResponseHeaderLayer<HeaderValue>; 12], Failure> {
    let layers: Vec<_> = headers
        .into_iter()
        .filter_map(|(name, value)| Some(SetResponseHeaderLayer::if_not_present(name?, value)))
        .collect();
    layers.try_into().map_err(|_| "twelve headers, each once".into())
}
