//! `openapi.yaml` is a promise: the route table and every reply are held to it.

mod document;
mod everywhere;
mod links;
mod replies;
mod sessions;

use std::collections::BTreeSet;

use http::StatusCode;
use portcullis::routes::{Access, ROUTES, RequestBody, Route};
use serde_json::{Value, json};

pub(crate) use document::Document;
use document::object;

fn name(method: &str, path: &str) -> String {
    format!("{} {path}", method.to_uppercase())
}

#[test]
fn the_table_and_the_document_list_the_same_operations() {
    let document = Document::load();
    let promised: BTreeSet<_> = document.operations().map(|operation| name(operation.method, operation.path)).collect();
    let served: BTreeSet<_> = ROUTES.iter().map(|route| name(route.method.as_str(), route.path)).collect();
    assert_eq!(promised, served);
}

#[test]
fn a_row_for_users_is_an_operation_that_needs_a_bearer_token() {
    let document = Document::load();
    for Route { method, path, access, .. } in ROUTES {
        let operation = document.operation(method.as_str(), path);
        assert_eq!(operation.needs_token(), *access == Access::User, "{method} {path}");
        assert!(operation.needs_token() || operation.object["security"] == json!([]), "{method} {path}");
    }
}

#[test]
fn a_row_reads_the_body_that_its_operation_takes() {
    let document = Document::load();
    for Route { method, path, body, .. } in ROUTES {
        let required = match body {
            RequestBody::None => None,
            RequestBody::Json => Some(true),
            RequestBody::OptionalJson => Some(false),
        };
        assert_eq!(document.operation(method.as_str(), path).body_required(), required, "{method} {path}");
    }
}

#[test]
fn every_operation_is_named_and_described() {
    let document = Document::load();
    let mut ids = BTreeSet::new();
    let tags: Vec<_> = document.root()["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for operation in document.operations() {
        let name = name(operation.method, operation.path);
        let object = operation.object;
        assert!(ids.insert(object["operationId"].as_str().unwrap()), "{name}: its id is taken");
        for text in ["summary", "description"] {
            assert!(object[text].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {text}");
        }
        assert!(object["tags"].as_array().unwrap().iter().all(|tag| tags.contains(&tag)), "{name}: unknown tag");
        assert!(!object["responses"]["default"].is_null(), "{name}: other refusals are not described");
    }
}

#[test]
fn requests_are_closed_to_unknown_fields() {
    let document = Document::load();
    for operation in document.operations().filter(|operation| operation.body_required().is_some()) {
        let faults = operation.request_faults(&json!({ "is_admin": true }));
        assert!(faults.iter().any(|fault| fault.contains("is_admin")), "{} {}", operation.method, operation.path);
    }
}

/// Unquoted between braces, what stands behind a comma is another member, without a value.
#[test]
fn no_text_of_a_schema_is_cut_off_at_a_comma() {
    fn assert_whole(name: &str, value: &Value) {
        assert!(!value.is_null(), "{name:?} has no value");
        value.as_object().into_iter().flatten().for_each(|(name, value)| assert_whole(name, value));
    }
    assert_whole("schemas", &Document::load().root()["components"]["schemas"]);
}

#[test]
fn every_body_of_json_is_shown_by_an_example() {
    let document = Document::load();
    for operation in document.operations() {
        let bodies = operation.object.get("requestBody").into_iter();
        for body in bodies.chain(object(&operation.object["responses"]).values()) {
            for (media_type, media) in document.resolve(body)["content"].as_object().into_iter().flatten() {
                let shown = ["example", "examples"].iter().any(|name| media.get(*name).is_some());
                let (method, path) = (operation.method, operation.path);
                assert!(shown || !media_type.ends_with("json"), "{method} {path}: no example of {body}");
            }
        }
    }
}

#[test]
fn every_example_keeps_its_own_schema() {
    let document = Document::load();
    let mut seen = 0;
    for operation in document.operations() {
        let bodies = operation.object.get("requestBody").into_iter();
        for body in bodies.chain(object(&operation.object["responses"]).values()) {
            for media in document.resolve(body)["content"].as_object().into_iter().flat_map(|content| content.values())
            {
                for (name, example) in media["examples"].as_object().into_iter().flatten() {
                    let faults = document.schema_faults(&media["schema"], &document.resolve(example)["value"]);
                    assert!(faults.is_empty(), "{} {}, example {name}: {faults:?}", operation.method, operation.path);
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 50, "only {seen} examples were found");
}

#[test]
fn a_reply_with_a_member_that_is_not_written_down_is_a_fault() {
    let document = Document::load();
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let examples = &document.root()["components"]["examples"];
    let mut logged_in = examples["LoggedIn"]["value"].clone();
    logged_in["user"]["password_hash"] = json!("$2b$12$…");
    assert!(document.schema_faults(&reference("LoggedIn"), &logged_in)[0].contains("password_hash"));
    let mut refusal = examples["TokenExpired"]["value"].clone();
    refusal["backtrace"] = json!("…");
    assert!(document.schema_faults(&reference("UnauthenticatedProblem"), &refusal)[0].contains("backtrace"));
}

#[test]
fn the_document_has_the_version_of_the_service() {
    assert_eq!(Document::load().root()["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_refusal_of_the_service_is_in_the_document() {
    let promised = promised_refusals(&Document::load());
    for (status, code) in refusals_in_the_source() {
        assert!(promised.contains(&(status, code.into())), "{status} {code} is not in openapi.yaml");
    }
}

/// `(status, code)` of every problem schema.
fn promised_refusals(document: &Document) -> BTreeSet<(u16, String)> {
    let schemas = object(&document.root()["components"]["schemas"]);
    let mut refusals = BTreeSet::new();
    for properties in schemas.values().map(|schema| &schema["properties"]) {
        let Some(status) = properties["status"]["const"].as_u64() else { continue };
        let one = properties["error"].get("const").into_iter();
        let many = properties["error"]["enum"].as_array().into_iter().flatten();
        refusals
            .extend(one.chain(many).map(|code| (u16::try_from(status).unwrap(), code.as_str().unwrap().to_owned())));
    }
    refusals
}

/// `(status, code)` of every row of the one mapping. Read from the source, so that a new variant cannot be forgotten here.
fn refusals_in_the_source() -> BTreeSet<(u16, &'static str)> {
    let source = include_str!("../../src/error.rs");
    let (_, rows) = source.split_once("pub fn row(").unwrap();
    let (rows, _) = rows.split_once("\n    }\n").unwrap();
    let refusals: BTreeSet<_> = rows
        .split("StatusCode::")
        .skip(1)
        .map(|row| (status(row.split(',').next().unwrap()), row.split('"').nth(1).unwrap()))
        .collect();
    assert!(refusals.len() > 15, "the mapping was not found in the source: {refusals:?}");
    refusals
}

/// The number of a status by the name of its constant.
fn status(constant: &str) -> u16 {
    let named = |status: &StatusCode| {
        status.canonical_reason().is_some_and(|phrase| phrase.to_uppercase().replace(' ', "_") == constant)
    };
    (400..600).filter_map(|code| StatusCode::from_u16(code).ok()).find(named).unwrap().as_u16()
}
