//! How handlers read JSON: one object, every field asked for by name, all faults collected.
//!
//! The parser's own messages can echo the offending value, which may be a password, so they are never shown: a fault is told by kind, field
//! and byte offset.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::error::Category;

use crate::error::{ApiError, FieldFault};

/// Unknown fields that a refusal names at most: more would make the answer many times larger than the request.
const MAX_UNKNOWN_SHOWN: usize = 32;

/// The fields of a JSON object in the order they came, duplicates included.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// A JSON object on its way to typed values.
///
/// Ask for every field, then call [`Form::finish`]: a field nobody asked for and every field that is wrong end up in one refusal.
#[derive(Default)]
pub struct Form {
    fields: Vec<(String, Value)>,
    faults: Vec<FieldFault>,
}

/// Names only: a value may be a password.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.fields.iter().map(|(name, _)| shown(name)).collect();
        f.debug_struct("Form").field("fields", &names).field("faults", &self.faults).finish()
    }
}

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    /// [`ApiError::MalformedJson`] when it is not UTF-8, not JSON, or not an object without repeated names.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        if let Err(error) = std::str::from_utf8(body) {
            return Err(ApiError::MalformedJson { what: "invalid UTF-8", offset: error.valid_up_to() });
        }
        let Object(fields) = serde_json::from_slice(body).map_err(|error| malformed(body, &error))?;
        let mut names = HashSet::with_capacity(fields.len());
        if !fields.iter().all(|(name, _)| names.insert(name)) {
            let what = "a repeated field name in an object that ends";
            return Err(ApiError::MalformedJson { what, offset: body.len() });
        }
        Ok(Self { fields, faults: Vec::new() })
    }

    /// Reads a body that may also be empty, which stands for `{}`.
    ///
    /// # Errors
    /// As [`Form::parse`].
    pub fn parse_or_empty(body: &[u8]) -> Result<Self, ApiError> {
        if body.is_empty() { Ok(Self { fields: Vec::new(), faults: Vec::new() }) } else { Self::parse(body) }
    }

    /// Whether an optional field is there; null counts as not there. What is, can be asked for as if it were required.
    pub fn given(&mut self, name: &str) -> bool {
        let given = self.fields.iter().any(|(field, value)| field == name && !value.is_null());
        if !given {
            self.take(name);
        }
        given
    }

    /// A text that must be there. A fault is noted when it is missing, null or not a string.
    pub fn required(&mut self, name: &'static str) -> Option<String> {
        match self.take(name) {
            Some(Value::String(text)) => Some(text),
            None | Some(Value::Null) => {
                self.fault(name, "required", "is required");
                None
            }
            Some(_) => self.wrong_type(name, "must be a string"),
        }
    }

    /// A text that may be missing or null.
    pub fn optional(&mut self, name: &'static str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            Value::Null => None,
            _ => self.wrong_type(name, "must be a string"),
        }
    }

    /// A truth value that may be missing or null, which means `false`.
    pub fn flag(&mut self, name: &'static str) -> bool {
        self.optional_flag(name).unwrap_or(false)
    }

    /// A truth value that may be missing or null.
    pub fn optional_flag(&mut self, name: &'static str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(value) => Some(value),
            Value::Null => None,
            _ => self.wrong_type(name, "must be true or false"),
        }
    }

    /// The repetition of a new password, under its own name or as `confirm_password`: optional, and equal when present.
    pub fn confirmation(&mut self, name: &'static str, password: Option<&str>) {
        for name in [name, "confirm_password"] {
            if let Some(repeated) = self.optional(name)
                && password.is_some_and(|password| password != repeated)
            {
                self.fault(name, "mismatch", "differs from the password");
            }
        }
    }

    /// Notes a fault of a field.
    pub fn fault(&mut self, field: &'static str, code: &'static str, message: impl Into<Cow<'static, str>>) {
        self.faults.push(FieldFault { field: field.into(), code, message: message.into() });
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`ApiError::UnknownField`] when a field was never asked for, else [`ApiError::Validation`] when one is wrong.
    pub fn finish(self) -> Result<(), ApiError> {
        if !self.fields.is_empty() {
            let unknown = self.fields.into_iter().take(MAX_UNKNOWN_SHOWN).map(|(name, _)| FieldFault {
                field: shown(&name).into(),
                code: "unknown_field",
                message: "is not a field of this operation".into(),
            });
            return Err(ApiError::UnknownField(unknown.collect()));
        }
        if self.faults.is_empty() { Ok(()) } else { Err(ApiError::Validation(self.faults)) }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let index = self.fields.iter().position(|(field, _)| field == name)?;
        Some(self.fields.swap_remove(index).1)
    }

    fn wrong_type<T>(&mut self, name: &'static str, message: &'static str) -> Option<T> {
        self.fault(name, "wrong_type", message);
        None
    }
}

/// A name of the client's choosing, fit for an error body: bounded, and without control characters.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Composes the refusal from category and place; serde's text would show the value.
fn malformed(body: &[u8], error: &serde_json::Error) -> ApiError {
    let (what, offset) = match error.classify() {
        Category::Eof => ("unexpected end", body.len()),
        Category::Data => ("not an object", body.len() - body.trim_ascii_start().len()),
        Category::Syntax | Category::Io => ("a syntax error", offset(body, error.line(), error.column())),
    };
    ApiError::MalformedJson { what, offset }
}

/// serde tells line and column of a syntax error, both counted from 1 and the column in bytes; column 0 is the line break before.
fn offset(body: &[u8], line: usize, column: usize) -> usize {
    let before: usize = body.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    (before + column).saturating_sub(1).min(body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &[u8]) -> (&'static str, String) {
        match Form::parse(body) {
            Err(error) => {
                let (_, code, detail) = error.row();
                (code, detail.into_owned())
            }
            Ok(_) => panic!("accepted"),
        }
    }

    #[test]
    fn malformed_json_is_told_by_kind_and_offset() {
        for (body, what, offset) in [
            (&b""[..], "unexpected end", 0),
            (b"{", "unexpected end", 1),
            (b"[]", "not an object", 0),
            (b"12345678", "not an object", 0),
            (b"{\"a\":tru}", "syntax error", 8),
            (b"{\n\"a\": 1,\n}", "syntax error", 10),
            (b"{\"a\":\"\xff\"}", "invalid UTF-8", 6),
            (br#"{"a":"\ud800"}"#, "syntax error", 12),
            (b"{\"a\":1} x", "syntax error", 8),
        ] {
            let (code, detail) = code(body);
            assert_eq!(code, "malformed_json");
            assert!(detail.contains(what), "{detail} for {body:?}");
            assert!(detail.ends_with(&format!("at byte {offset}.")), "{detail} for {body:?}");
        }
    }

    #[test]
    fn a_refusal_is_not_many_times_larger_than_its_request() {
        let names: Vec<_> = (0..1000).map(|number| format!(r#""n{number}":1"#)).collect();
        let form = Form::parse(format!("{{{}}}", names.join(",")).as_bytes()).unwrap();
        let Err(ApiError::UnknownField(faults)) = form.finish() else { panic!() };
        assert_eq!(faults.len(), MAX_UNKNOWN_SHOWN);
    }

    #[test]
    fn a_repeated_name_is_refused() {
        assert_eq!(code(br#"{"email":"a","email":"b"}"#).0, "malformed_json");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_never_echoed() {
        let mut form = Form::parse(br#"{"password": 123456789}"#).unwrap();
        assert_eq!(form.required("password"), None);
        let error = form.finish().unwrap_err();
        assert!(!format!("{error:?}").contains("123456789"));
    }

    #[test]
    fn all_faults_come_together_and_unknown_fields_come_first() {
        let read = |body: &[u8]| {
            let mut form = Form::parse(body).unwrap();
            form.required("email");
            form.flag("remember_me");
            form.finish().unwrap_err()
        };
        let ApiError::Validation(faults) = read(br#"{"remember_me":"yes"}"#) else { panic!() };
        assert_eq!(
            faults.iter().map(|f| (f.field.as_ref(), f.code)).collect::<Vec<_>>(),
            [("email", "required"), ("remember_me", "wrong_type")]
        );
        let ApiError::UnknownField(faults) = read(br#"{"role":"admin"}"#) else { panic!() };
        assert_eq!(faults[0].field, "role");
    }

    #[test]
    fn a_confirmation_is_optional_and_must_match() {
        for (body, good) in [
            (&br#"{}"#[..], true),
            (br#"{"password_confirm":"x"}"#, true),
            (br#"{"confirm_password":"x"}"#, true),
            (br#"{"password_confirm":"y"}"#, false),
            (br#"{"password_confirm":"x","confirm_password":"y"}"#, false),
            (br#"{"confirm_password":null}"#, true),
        ] {
            let mut form = Form::parse(body).unwrap();
            form.confirmation("password_confirm", Some("x"));
            assert_eq!(form.finish().is_ok(), good, "{body:?}");
        }
    }
}
