use std::collections::BTreeSet;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tokio::net::TcpListener;

use super::collector::{Collector, attribute, hex};
use crate::support::{PASSWORD, Program, Redis, mails_in, wait_for};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const EMAIL: &str = "ada@example.com";

/// A service that exports to the collector and logs as JSON.
async fn exporting(collector: &Collector) -> Program {
    let program = Program::on_fresh_database().await;
    program.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint()).set("LOG_FORMAT", "json")
}

fn find<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let names: BTreeSet<_> = spans.iter().map(|span| &span.name).collect();
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} among {names:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_continues_the_trace_of_its_caller_down_to_queries_and_hashing() {
    let collector = Collector::start().await;
    let service = exporting(&collector).await.set("OTEL_SERVICE_NAME", "accounts").serve().await;
    let client = service.client().with_header("traceparent", &format!("00-{TRACE}-{CALLER}-01"));
    let tokens = client.register(EMAIL, PASSWORD).await.expect(201).tokens();
    let ended = service.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let spans: Vec<_> = collector.spans().into_iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let server = find(&spans, "POST /api/v1/auth/register");
    assert_eq!(hex(&server.parent_span_id), CALLER);
    assert_eq!(server.kind(), SpanKind::Server);
    assert_eq!(attribute(server, "http.route").as_deref(), Some("/api/v1/auth/register"));
    let handler = find(&spans, "handler");
    assert_eq!(handler.parent_span_id, server.span_id);
    for name in ["hash.wait", "hash.compute"] {
        assert_eq!(find(&spans, name).parent_span_id, handler.span_id, "{name}");
    }
    let queries: Vec<_> = spans.iter().filter(|span| span.name == "db.query").collect();
    for query in &queries {
        assert_eq!(query.kind(), SpanKind::Client);
        assert_eq!(attribute(query, "db.system.name").as_deref(), Some("postgresql"));
    }
    let names: BTreeSet<_> = queries.iter().filter_map(|query| attribute(query, "db.operation.name")).collect();
    assert!(names.contains("users.insert") && names.contains("transaction.commit"), "{names:?}");

    assert!(ended.stderr.lines().any(|line| line.contains(&format!("\"trace_id\":\"{TRACE}\""))), "{ended:?}");
    let text = collector.text();
    assert!(text.contains("accounts"), "the service has no name: {text}");
    for secret in [PASSWORD, EMAIL, &tokens.access, &tokens.refresh] {
        assert!(!text.contains(secret), "{secret} was exported");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_redis_is_part_of_the_trace() {
    let (collector, redis) = (Collector::start().await, Redis::start());
    let service = exporting(&collector).await.set("REDIS_URL", &redis.url()).serve().await;
    let client = service.client().with_header("traceparent", &format!("00-{TRACE}-{CALLER}-01"));
    client.get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(service.stop().await.code, Some(0));
    let spans: Vec<_> = collector.spans().into_iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let asked = find(&spans, "redis.charge");
    assert_eq!(asked.parent_span_id, find(&spans, "GET /.well-known/jwks.json").span_id);
    assert_eq!((asked.kind(), attribute(asked, "db.system.name").as_deref()), (SpanKind::Client, Some("redis")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_begins_here_has_the_ids_that_the_answer_tells_and_a_refusal_is_no_failure_of_it() {
    let collector = Collector::start().await;
    let service = exporting(&collector).await.serve().await;
    let answer = service.client().log_in(EMAIL, PASSWORD).await.expect(401);
    service.stop().await;
    let spans = collector.spans();
    let server = find(&spans, "POST /api/v1/auth/login");
    // Of a new request in a new trace, both ids are one number.
    assert_eq!(hex(&server.trace_id), answer.header("x-request-id"));
    assert!(server.parent_span_id.is_empty());
    assert_ne!(server.status.clone().unwrap_or_default().code(), StatusCode::Error);
    let roots = spans.iter().filter(|span| span.parent_span_id.is_empty() && span.name == "db.query");
    assert_eq!(roots.count(), 0, "queries of nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_a_trace_of_its_own_with_its_queries() {
    let collector = Collector::start().await;
    let program = exporting(&collector).await;
    let service = program.serve().await;
    service.client().register(EMAIL, PASSWORD).await.expect(201);
    let folder = program.folder().join("data/mail");
    let mails = wait_for("the mail", async || Some(mails_in(&folder)).filter(|mails| !mails.is_empty())).await;
    service.stop().await;
    let spans = collector.spans();
    let mail = find(&spans, "mail.deliver");
    assert!(mail.parent_span_id.is_empty());
    assert_eq!(attribute(mail, "kind").as_deref(), Some("verify"));
    let inside: Vec<_> =
        spans.iter().filter(|span| span.trace_id == mail.trace_id && span.name == "db.query").collect();
    assert!(!inside.is_empty() && inside.iter().all(|query| query.parent_span_id == mail.span_id), "{inside:?}");
    assert!(!collector.text().contains(mails[0].token()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_caller_or_the_operator_does_not_want_recorded_is_not_exported() {
    let collector = Collector::start().await;
    let service = exporting(&collector).await.serve().await;
    let client = service.client().with_header("traceparent", &format!("00-{TRACE}-{CALLER}-00"));
    client.register(EMAIL, PASSWORD).await.expect(201);
    service.stop().await;
    assert!(collector.spans().iter().all(|span| hex(&span.trace_id) != TRACE));

    let collector = Collector::start().await;
    let service = exporting(&collector).await.set("OTEL_TRACES_SAMPLER", "always_off").serve().await;
    service.client().sign_up().await;
    service.stop().await;
    assert_eq!(collector.spans(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_out_of_reach_costs_one_warning_and_nothing_else() {
    let program = Program::on_fresh_database().await;
    let program = program.set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1").set("OTEL_BSP_SCHEDULE_DELAY", "10");
    let service = program.set("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1").serve().await;
    let client = service.client();
    client.register(EMAIL, PASSWORD).await.expect(201);
    for _ in 0..5 {
        client.log_in(EMAIL, PASSWORD).await.expect(200);
    }
    let ended = service.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let warnings = ended.stderr.lines().filter(|line| line.contains("traces cannot be exported"));
    assert_eq!(warnings.count(), 1, "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_holds_up_neither_requests_nor_the_end() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let program = Program::on_fresh_database().await.set("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
    let service = program.set("OTEL_BSP_SCHEDULE_DELAY", "10").serve().await;
    service.client().register(EMAIL, PASSWORD).await.expect(201);
    let (connection, _) = silent.accept().await.unwrap();
    service.client().log_in(EMAIL, PASSWORD).await.expect(200);
    let ended = service.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    drop(connection);
}
