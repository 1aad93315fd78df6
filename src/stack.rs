//! The one order of layers.
//!
//! Outermost first: a request runs down this page, its answer runs up. Every line says why it stands where it stands.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use portcullis_layers::RequestHead;
use portcullis_layers::client_ip::ClientIpLayer;
use portcullis_layers::jwt_auth::{Access as TokenAccess, JwtAuthLayer};
use portcullis_layers::load_shed::LoadShedLayer;
use portcullis_layers::metrics::MetricsLayer;
use portcullis_layers::problem::{Context, Map, ProblemLayer, Value};
use portcullis_layers::request_id::RequestIdLayer;
use portcullis_layers::sanitize::{
    Buffered, Controls, FieldKind, InputSanitizer, Place, Policy, SanitizeLayer, Structural,
};
use portcullis_layers::security_headers::SecurityHeadersLayer;
use portcullis_layers::trace::TraceLayer;
use tower::util::option_layer;
use tower::{Service, ServiceBuilder};
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::limit::{self, RequestBodyLimitLayer};
use tower_http::timeout::TimeoutLayer;

use crate::access::{AccessLayer, Listener, SessionCheck};
use crate::audit::refusals::Refusals;
use crate::auth::jwt::{self, AccessClaims};
use crate::limits::deny::DenyLayer;
use crate::reply::Body;
use crate::router::{Compressible, Dispatch, Match, MatchRouteLayer, RouteTableError, Router};
use crate::routes::{Access, LimitClass, Route};
use crate::state::App;
use crate::telemetry;
use crate::validate::{MAX_BODY, ValidateLayer, in_memory};

/// The longest that a request may take, waits for a hash or a connection included.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PORTCULLIS_DEVICE: HeaderName = HeaderName::from_static("portcullis-device");

/// Requests in flight at most; the next one is told to come back (503). Each may hold a body of [`MAX_BODY`], and so may those that still
/// wait for the rest of theirs, which are counted apart.
const MAX_IN_FLIGHT: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Why the stack could not be built: the configuration of one of its layers does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StackError {
    /// The route table.
    #[error(transparent)]
    Routes(#[from] RouteTableError),
    /// A layer.
    #[error("a layer refused its settings: {0}")]
    Layer(Box<dyn std::error::Error + Send + Sync>),
}

fn layer_error(error: impl std::error::Error + Send + Sync + 'static) -> StackError {
    StackError::Layer(Box::new(error))
}

/// The service behind the main listener.
///
/// # Errors
/// [`StackError`] when the settings of a layer do not hold.
pub fn build<B>(
    app: &Arc<App>,
) -> Result<
    impl Service<
        Request<B>,
        Response = Response<impl http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + use<B>>,
        Error = Infallible,
        Future: Send,
    > + Clone
    + Send
    + use<B>,
    StackError,
>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let router = Arc::new(Router::over(|_| true)?);
    let witness = app.clone();
    Ok(ServiceBuilder::new()
        // Outermost: every later line, span and body can carry the id.
        .layer(RequestIdLayer::new())
        // Before everything that asks "which row of the table?"
        .layer(MatchRouteLayer(router.clone()))
        // Opens its span knowing id and route. Probes that went well are no news.
        .layer(trace())
        // Outside every refuser, so that refusals are counted too. Label: the pattern, never the raw path.
        .layer(metrics(app)?)
        // Also on answers that are made below.
        .layer(SecurityHeadersLayer::api())
        // Outside all that makes bodies in memory; touches only rows marked static (BREACH).
        .layer(CompressionLayer::new().compress_when(is_compressible))
        // Outside authentication and limits, or browsers hide the bodies of refusals.
        .layer(option_layer(cors(app)))
        // The one renderer: inside the headers, outside every refuser. Catches panics.
        .layer(problem(app)?)
        // Sees the typed reason of every refusal made below, before it is rendered.
        .map_response(move |response| {
            Refusals::witness(&witness, &response);
            response
        })
        // Who is asking: limits, audit and sessions below all use this one address.
        .layer(client_ip(app)?)
        // Networks that the operator shuts out get nothing further.
        .layer(DenyLayer::new(app))
        // Network keys only: the cheapest refusal first, before any crypto. One of the two, as REDIS_URL says.
        .layer(option_layer(app.limits.shared_layer()))
        .layer(option_layer(app.limits.local_layer()))
        // Bounds before work: how many, how long, how large. Probes pass, or an overload would look like an outage.
        // Who only waits for its body holds no place: see `validate`.
        .layer(load_shed())
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, REQUEST_TIMEOUT))
        // tower-http's limit has a response body of its own, and refusers further out need to make one.
        .map_response(|response: Response<limit::ResponseBody<Body>>| response.map(Body::rewrap))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        // WHO: signature first, then session and owner, on rows whose access is not public.
        .layer(jwt_auth(app)?)
        // WHETHER: the row's column, before a byte of the body is read.
        .layer(AccessLayer::new(app, Listener::Main))
        // Type, size and encoding of the body, which is buffered once. The place in flight is another's until the body is there.
        .layer(ValidateLayer::new(&app.config.trusted_proxies))
        // The text fields that the row names, and no others: passwords and tokens are never looked at.
        .layer(sanitize())
        // The sanitiser hands on a body that replays what it read, in memory as before.
        .map_request(|request: Request<Buffered<Full<Bytes>>>| request.map(|body| Full::new(in_memory(body))))
        // The seam: the dispatcher's future is boxed, types stop here.
        .service(Dispatch::new(app.clone(), router)))
}

/// The service behind `METRICS_ADDR`: metrics and health, outside every cap, so that they answer while the main listener is saturated.
///
/// # Errors
/// [`StackError`] when the settings of a layer do not hold.
pub fn operations<B>(
    app: &Arc<App>,
) -> Result<
    impl Service<
        Request<B>,
        Response = Response<impl http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + use<B>>,
        Error = Infallible,
        Future: Send,
    > + Clone
    + Send
    + use<B>,
    StackError,
>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let router = Arc::new(Router::over(|route: &Route| route.limit == LimitClass::Exempt)?);
    Ok(ServiceBuilder::new()
        .layer(RequestIdLayer::new())
        .layer(MatchRouteLayer(router.clone()))
        .layer(trace())
        .layer(SecurityHeadersLayer::api())
        .layer(problem(app)?)
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, REQUEST_TIMEOUT))
        .layer(AccessLayer::new(app, Listener::Operations))
        .layer(ValidateLayer::new(&[]))
        .service(Dispatch::new(app.clone(), router)))
}

fn load_shed() -> LoadShedLayer {
    LoadShedLayer::builder(MAX_IN_FLIGHT).exempt(|head| is_exempt(head.extensions.get())).lend_places().build()
}

fn trace() -> TraceLayer {
    TraceLayer::new().quiet(|head| is_exempt(head.extensions.get())).opened(telemetry::continue_trace)
}

/// The error of a response body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn metrics(app: &App) -> Result<MetricsLayer, StackError> {
    MetricsLayer::builder(&app.metrics.registry).build().map_err(layer_error)
}

fn problem(app: &Arc<App>) -> Result<ProblemLayer, StackError> {
    let clock = app.clock.clone();
    let panics = app.metrics.panics.clone();
    let members = move |context: &Context<'_>, map: &mut Map<String, Value>| {
        map.insert("request_id".into(), context.request_id().map_or("", |id| id.as_str()).into());
        map.insert("timestamp".into(), clock.now().to_string().into());
    };
    let on_panic = move |text: &str, context: &Context<'_>| {
        panics.inc();
        tracing::error!(panic = text, path = context.path(), "a handler panicked");
    };
    ProblemLayer::builder().members(members).on_panic(on_panic).build().map_err(layer_error)
}

fn client_ip(app: &App) -> Result<ClientIpLayer, StackError> {
    let trusted = app.config.trusted_proxies.iter().copied();
    ClientIpLayer::builder().trusted(trusted).header(app.config.forwarded_header).build().map_err(layer_error)
}

fn jwt_auth(app: &Arc<App>) -> Result<JwtAuthLayer<AccessClaims, SessionCheck>, StackError> {
    let tokens = &app.config.tokens;
    let validation = jwt::validation(&tokens.issuer, &tokens.audience).map_err(layer_error)?;
    let clock = app.clock.clone();
    JwtAuthLayer::builder(app.keys.verifying(), validation)
        .realm("portcullis")
        .access(token_access)
        .clock(move || u64::try_from(clock.now().as_second()).unwrap_or(0))
        .revocation(SessionCheck(app.clone()))
        .build()
        .map_err(layer_error)
}

/// The bounds are those of `validate`, which has read the body and found it to be JSON; form and length of single fields are told by the
/// handlers, all at once. What is left to find is an attack.
fn sanitize() -> SanitizeLayer {
    let structural = Structural::new()
        .max_body(MAX_BODY)
        .max_depth(128)
        .max_names(MAX_BODY)
        .max_name_len(MAX_BODY)
        .max_value_len(MAX_BODY)
        .controls(Controls::Allow);
    SanitizeLayer::builder(text_policy)
        .when(|head| texts(head).is_some_and(|texts| !texts.is_empty()))
        .structural(structural)
        .inspect(InputSanitizer::new())
        .build()
}

fn text_policy(head: RequestHead<'_>, place: Place<'_>) -> Policy {
    let Place::Body(pointer) = place else { return Policy::Skip };
    let known = texts(head).into_iter().flatten().find(|(known, _)| *known == pointer);
    known.map_or(Policy::Skip, |(_, kind)| Policy::Inspect(*kind))
}

fn texts(head: RequestHead<'_>) -> Option<&'static [(&'static str, FieldKind)]> {
    Some(head.extensions.get::<Match>()?.row()?.texts)
}

/// Public rows never parse an `Authorization` header: a stale one on log-in changes nothing. Neither do requests without a row.
fn token_access(head: RequestHead<'_>) -> TokenAccess {
    match head.extensions.get::<Match>().and_then(Match::row).map(|row| row.access) {
        Some(Access::User) => TokenAccess::Required,
        Some(Access::Public | Access::Operator) | None => TokenAccess::Skip,
    }
}

fn is_exempt(found: Option<&Match>) -> bool {
    found.and_then(Match::row).is_some_and(|row| row.limit == LimitClass::Exempt)
}

fn is_compressible(_: StatusCode, _: http::Version, _: &http::HeaderMap, extensions: &http::Extensions) -> bool {
    extensions.get::<Compressible>().is_some()
}

fn cors(app: &App) -> Option<CorsLayer> {
    let origins = &app.config.cors_allowed_origins;
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, X_REQUEST_ID, PORTCULLIS_DEVICE])
        .expose_headers([
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            HeaderName::from_static("ratelimit"),
            HeaderName::from_static("ratelimit-policy"),
            X_REQUEST_ID,
            PORTCULLIS_DEVICE,
        ])
        .max_age(Duration::from_secs(600));
    if origins.iter().any(|origin| origin == "*") {
        return Some(layer.allow_origin(AllowOrigin::any()));
    }
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    Some(layer.allow_origin(AllowOrigin::list(origins)).allow_credentials(true))
}
