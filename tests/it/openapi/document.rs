//! `openapi.yaml`, prepared so that requests and replies can be held to it.

use http::HeaderMap;
use portcullis::handlers::docs::OPENAPI_YAML;
use portcullis::routes::Route;
use serde_json::{Map, Value, json};

use crate::support::Answer;

/// The whole document.
pub(crate) struct Document {
    root: Value,
    schemas: Value,
}

/// One method of one path.
#[derive(Clone, Copy)]
pub(super) struct Operation<'a> {
    document: &'a Document,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) object: &'a Value,
}

impl Document {
    pub(crate) fn load() -> Self {
        let root: Value = serde_yaml_ng::from_str(OPENAPI_YAML).unwrap();
        let schemas = closed(&root["components"]["schemas"]);
        Self { root, schemas }
    }

    pub(super) fn root(&self) -> &Value {
        &self.root
    }

    pub(super) fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        object(&self.root["paths"]).iter().flat_map(move |(path, item)| {
            object(item).iter().map(move |(method, object)| Operation { document: self, method, path, object })
        })
    }

    pub(super) fn operation(&self, method: &str, path: &str) -> Operation<'_> {
        self.operations()
            .find(|operation| operation.method.eq_ignore_ascii_case(method) && operation.path == path)
            .unwrap_or_else(|| panic!("openapi.yaml has no {method} {path}"))
    }

    /// Holds an answer of a row to what its operation promises for just this status: the reply for any other refusal does not count.
    #[track_caller]
    pub(crate) fn assert_promised(&self, route: &Route, answer: &Answer) {
        let operation = self.operation(route.method.as_str(), route.path);
        let promised = object(&operation.object["responses"]).contains_key(answer.status.as_str());
        assert!(promised, "{route:?} does not promise {}", answer.status);
        assert_eq!(operation.faults(answer), [""; 0], "{route:?} → {answer:?}");
    }

    /// What stands behind `{$ref}`, or the value itself.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.root.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    /// How `answer` differs from the promised `reply`.
    pub(super) fn faults(&self, reply: &Value, answer: &Answer) -> Vec<String> {
        let promised = self.resolve(reply);
        let mut faults = self.header_faults(&promised["headers"], &answer.headers);
        let Some(content) = promised["content"].as_object() else {
            if !answer.body.is_empty() {
                faults.push("a body where none is promised".into());
            }
            return faults;
        };
        let media_type = answer.header("content-type");
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        match content.get(essence) {
            None => faults.push(format!("content type {media_type:?} is not promised")),
            Some(media) if essence.ends_with("json") => match serde_json::from_slice(&answer.body) {
                Ok(body) => faults.extend(self.schema_faults(&media["schema"], &body)),
                Err(error) => faults.push(format!("the body is not JSON: {error}")),
            },
            Some(_) => {}
        }
        faults
    }

    fn header_faults(&self, promised: &Value, headers: &HeaderMap) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, header) in promised.as_object().into_iter().flatten() {
            let header = self.resolve(header);
            let Some(value) = headers.get(name) else {
                if header["required"] == true {
                    faults.push(format!("the header {name} is missing"));
                }
                continue;
            };
            let text = value.to_str().unwrap();
            let value = if header["schema"]["type"] == "integer" { text.parse().ok() } else { Some(json!(text)) };
            let found = value.map_or_else(
                || vec![format!("{text:?} is no number")],
                |value| self.schema_faults(&header["schema"], &value),
            );
            faults.extend(found.into_iter().map(|fault| format!("header {name}: {fault}")));
        }
        faults
    }

    /// How `value` differs from `schema`.
    pub(super) fn schema_faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut root = object(schema).clone();
        root.insert("components".into(), json!({ "schemas": self.schemas }));
        let validator = jsonschema::options().should_validate_formats(true).build(&root.into()).unwrap();
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }
}

impl Operation<'_> {
    /// How `answer` differs from what this operation promises for its status. The default reply counts for refusals that any request may meet.
    pub(super) fn faults(&self, answer: &Answer) -> Vec<String> {
        let replies = &self.object["responses"];
        let reply = replies.get(answer.status.as_str()).unwrap_or(&replies["default"]);
        self.document.faults(reply, answer)
    }

    /// Whether the body may be absent, must be there, or is not read at all.
    pub(super) fn body_required(&self) -> Option<bool> {
        self.document.resolve(self.object.get("requestBody")?)["required"].as_bool()
    }

    /// Whether an access token is needed.
    pub(super) fn needs_token(&self) -> bool {
        self.object["security"] == json!([{ "bearer": [] }])
    }

    /// How `body` differs from what this operation takes.
    pub(super) fn request_faults(&self, body: &Value) -> Vec<String> {
        let promised = self.document.resolve(&self.object["requestBody"]);
        self.document.schema_faults(&promised["content"]["application/json"]["schema"], body)
    }
}

/// Replies may grow members, and clients should bear that. Ours are held to those that are written down: every object is closed here.
fn closed(schemas: &Value) -> Value {
    let mut schemas = schemas.clone();
    for schema in schemas.as_object_mut().unwrap().values_mut() {
        let schema = schema.as_object_mut().unwrap();
        if (schema.contains_key("properties") || schema.contains_key("allOf"))
            && !schema.contains_key("additionalProperties")
        {
            schema.insert("unevaluatedProperties".into(), false.into());
        }
    }
    schemas
}

pub(super) fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}"))
}
