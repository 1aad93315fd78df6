//! The bytes of a problem body.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value};

/// Members that a handler adds to its problem body, put into the extensions of the error response.
///
/// ```
/// use portcullis_layers::problem::Members;
/// use serde_json::json;
///
/// let members = Members::new().with("details", json!([{ "field": "email", "code": "required" }]));
/// # let mut response = http::Response::new(());
/// response.extensions_mut().insert(members);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members(pub Map<String, Value>);

impl Members {
    /// No members yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; a second one of the same name replaces the first. The names of the standard members have no effect.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }
}

/// The names that belong to the layer, whatever the app adds.
const STANDARD: [&str; 7] = ["type", "title", "status", "detail", "instance", "error", "message"];

/// The standard members.
#[derive(Debug)]
pub(super) struct Standard<'a> {
    pub(super) type_uri: &'a str,
    pub(super) title: &'a str,
    pub(super) status: StatusCode,
    pub(super) detail: &'a str,
    pub(super) instance: &'a str,
    pub(super) code: &'a str,
}

/// A JSON object and its length in digits, both in one piece of memory.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) json: Bytes,
    pub(super) length: Bytes,
}

/// One JSON object: the standard members in the order of RFC 9457, then the others.
pub(super) fn object(standard: &Standard<'_>, others: &Map<String, Value>) -> Object {
    let mut object = Vec::with_capacity(512);
    object.extend_from_slice(b"{\"type\":");
    string(&mut object, standard.type_uri);
    object.extend_from_slice(b",\"title\":");
    string(&mut object, standard.title);
    object.extend_from_slice(b",\"status\":");
    object.extend_from_slice(standard.status.as_str().as_bytes());
    object.extend_from_slice(b",\"detail\":");
    string(&mut object, standard.detail);
    if !standard.instance.is_empty() {
        object.extend_from_slice(b",\"instance\":");
        string(&mut object, standard.instance);
    }
    object.extend_from_slice(b",\"error\":");
    string(&mut object, standard.code);
    object.extend_from_slice(b",\"message\":");
    string(&mut object, standard.detail);
    for (name, value) in others.iter().filter(|(name, _)| !STANDARD.contains(&name.as_str())) {
        object.push(b',');
        string(&mut object, name);
        object.push(b':');
        // Writing a value into memory has no way to fail.
        let _infallible = serde_json::to_writer(&mut object, value);
    }
    object.push(b'}');
    let length = object.len();
    // As above.
    let _infallible = serde_json::to_writer(&mut object, &length);
    let mut json = Bytes::from(object);
    let length = json.split_off(length);
    Object { json, length }
}

fn string(object: &mut Vec<u8>, text: &str) {
    // Without a short cut, so that many bytes are looked at together.
    let plain = text.bytes().fold(true, |plain, byte| plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\'));
    if plain {
        object.push(b'"');
        object.extend_from_slice(text.as_bytes());
        object.push(b'"');
    } else {
        // As above.
        let _infallible = serde_json::to_writer(object, text);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STANDARD: Standard<'_> = Standard {
        type_uri: "about:blank",
        title: "Not Found",
        status: StatusCode::NOT_FOUND,
        detail: "There is \"nothing\".",
        instance: "/a\u{1}b",
        code: "not_found",
    };

    #[test]
    fn standard_members_come_first_and_are_escaped() {
        let Object { json, length } = object(&STANDARD, &Map::new());
        assert_eq!(length, json.len().to_string());
        assert_eq!(
            json,
            r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"There is \"nothing\".","instance":"/a\u0001b","error":"not_found","message":"There is \"nothing\"."}"#
        );
    }

    #[test]
    fn other_members_follow_and_cannot_pose_as_standard_ones() {
        let members = Members::new().with("status", 200).with("de\"tails", json!([{ "field": "email" }]));
        let object: Value = serde_json::from_slice(&object(&STANDARD, &members.0).json).unwrap();
        assert_eq!(object["status"], 404);
        assert_eq!(object["de\"tails"], json!([{ "field": "email" }]));
    }

    #[test]
    fn a_request_without_a_path_has_no_instance() {
        let object: Value =
            serde_json::from_slice(&object(&Standard { instance: "", ..STANDARD }, &Map::new()).json).unwrap();
        assert_eq!(object.get("instance"), None);
    }
}
