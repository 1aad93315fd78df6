//! Bodies that no row takes, held against every row that reads one.

use bytes::Bytes;
use http::header;
use portcullis::routes::RequestBody;
use serde_json::json;

use super::{Fortress, SECRET, SECRET_NUMBER, reading_rows};
use crate::support::good_body;

const JSON: Option<&str> = Some("application/json");

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_declared_as_json_is_refused() {
    let fortress = Fortress::build().await;
    for route in reading_rows() {
        let body = good_body(route, &fortress.account).unwrap_or(json!({})).to_string();
        for content_type in [
            None,
            Some(""),
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/jsonp"),
            Some("application/problem+json"),
            Some("text/plain, application/json"),
        ] {
            let request = fortress.request(route, content_type, body.clone());
            fortress
                .refuses(&format!("{route:?} with {content_type:?}"), 415, "unsupported_media_type", &request)
                .await;
        }
    }
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_refused() {
    let fortress = Fortress::build().await;
    for route in reading_rows() {
        for encoding in ["gzip", "deflate", "br", "zstd"] {
            let mut request = fortress.request(route, JSON, &b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..]);
            request.headers_mut().insert(header::CONTENT_ENCODING, encoding.parse().unwrap());
            fortress.refuses(&format!("{route:?} with {encoding}"), 415, "unsupported_media_type", &request).await;
        }
    }
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_json_is_refused_with_the_offset_of_its_fault() {
    let fortress = Fortress::build().await;
    let secret_cut_off = format!(r#"{{"password":"{SECRET}"#);
    let two_numbers = format!(r#"{{"password":{SECRET_NUMBER} {SECRET_NUMBER}}}"#);
    let bodies: &[(&str, &[u8], &str)] = &[
        ("a body cut off", b"{", "unexpected end at byte 1."),
        ("a text cut off", secret_cut_off.as_bytes(), "unexpected end at byte 28."),
        ("no quotes", br#"{"email":ada@example.com}"#, "a syntax error at byte 9."),
        ("a comma too many", br#"{"email":"a@b.example",}"#, "a syntax error at byte 23."),
        ("a fault on the second line", b"{\n\"email\": nil}", "a syntax error at byte 12."),
        ("two numbers", two_numbers.as_bytes(), "a syntax error at byte 24."),
        ("something after the end", br#"{} {}"#, "a syntax error at byte 3."),
        ("a form", b"email=a%40b.example&password=hunter2-hunter2", "a syntax error at byte 0."),
        ("an array", b"[]", "not an object at byte 0."),
        ("null", b"null", "not an object at byte 0."),
        ("a number", SECRET_NUMBER.as_bytes(), "not an object at byte 0."),
        ("a lone surrogate", br#"{"email":"\ud800"}"#, "a syntax error at byte 16."),
        ("a lone low surrogate", br#"{"email":"\udc00"}"#, "a syntax error at byte 15."),
        ("a raw line break in a text", b"{\"email\":\"a\nb\"}", "a syntax error at byte 11."),
        ("invalid UTF-8", b"{\"email\":\"\xff\"}", "invalid UTF-8 at byte 10."),
        ("a surrogate in UTF-8", b"{\"email\":\"\xed\xa0\x80\"}", "invalid UTF-8 at byte 10."),
        ("an overlong NUL", b"{\"email\":\"\xc0\x80\"}", "invalid UTF-8 at byte 10."),
        ("UTF-16", b"\xff\xfe{\0}\0", "invalid UTF-8 at byte 0."),
        ("a byte order mark", b"\xef\xbb\xbf{}", "a syntax error at byte 0."),
        ("a number beyond all bounds", br#"{"password":1e999}"#, "a syntax error at byte 16."),
    ];
    for route in reading_rows() {
        for (what, body, told) in bodies {
            let request = fortress.request(route, JSON, Bytes::copy_from_slice(body));
            let problem = fortress.refuses(&format!("{route:?} with {what}"), 400, "malformed_json", &request).await;
            assert_eq!(problem["detail"], format!("The body is not valid JSON: {told}"), "{route:?} with {what}");
        }
        if route.body == RequestBody::Json {
            let request = fortress.request(route, JSON, "");
            fortress.refuses(&format!("{route:?} with nothing"), 400, "malformed_json", &request).await;
        }
    }
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_made_to_be_hard_to_read_is_refused() {
    let fortress = Fortress::build().await;
    let repeated = format!(r#"{{"email":"a@b.example","password":"{SECRET}","email":"b@c.example"}}"#);
    let escaped = r#"{"email":"a@b.example","\u0065mail":"b@c.example"}"#;
    let nested = |open: &str, close: &str| format!(r#"{{"email":{}{}}}"#, open.repeat(6000), close.repeat(6000));
    let many = |name: fn(usize) -> String| {
        format!("{{{}}}", (0..5000).map(|index| format!(r#""{}":1"#, name(index))).collect::<Vec<_>>().join(","))
    };
    for route in reading_rows() {
        for (what, body, code) in [
            ("a repeated name", repeated.clone(), "malformed_json"),
            ("a name repeated in another spelling", escaped.to_owned(), "malformed_json"),
            ("arrays in arrays", nested("[", "]"), "malformed_json"),
            ("objects in objects", nested(r#"{"a":"#, "}").replace("}}}", "0}}}"), "malformed_json"),
            ("five thousand names", many(|index| format!("n{index}")), "unknown_field"),
            ("one name five thousand times", many(|_| "n".to_owned()), "malformed_json"),
        ] {
            let request = fortress.request(route, JSON, body);
            fortress.refuses(&format!("{route:?} with {what}"), 400, code, &request).await;
        }
    }
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_field_is_refused_by_name_and_without_its_value() {
    let fortress = Fortress::build().await;
    for route in reading_rows() {
        for (name, shown) in
            [("role", "role"), ("Email", "Email"), ("pass word", "pass word"), ("a\u{7}\nb", "ab"), ("", "")]
        {
            let mut body = good_body(route, &fortress.account).unwrap_or(json!({}));
            body[name] = SECRET.into();
            let request = fortress.request(route, JSON, body.to_string());
            let problem = fortress.refuses(&format!("{route:?} with {name:?}"), 400, "unknown_field", &request).await;
            assert_eq!(problem["details"][0]["field"], shown);
            assert_eq!(problem["message"], format!("Unknown field: {shown}."));
        }
        let mut body = good_body(route, &fortress.account).unwrap_or(json!({}));
        body["a".repeat(10_000)] = 1.into();
        let request = fortress.request(route, JSON, body.to_string());
        let problem = fortress.refuses(&format!("{route:?} with a long name"), 400, "unknown_field", &request).await;
        assert_eq!(problem["details"][0]["field"], "a".repeat(64));
    }
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_another_type_is_refused_without_its_value() {
    let fortress = Fortress::build().await;
    for route in reading_rows() {
        let Some(good) = good_body(route, &fortress.account) else { continue };
        for (field, _) in good.as_object().unwrap() {
            for value in
                [SECRET_NUMBER.to_owned(), "true".into(), format!(r#"["{SECRET}"]"#), format!(r#"{{"a":"{SECRET}"}}"#)]
            {
                let mut body = good.clone();
                body[field] = serde_json::from_str(&value).unwrap();
                let request = fortress.request(route, JSON, body.to_string());
                let what = format!("{route:?} with {field}: {value}");
                let problem = fortress.refuses(&what, 400, "validation_error", &request).await;
                let fault = &problem["details"][0];
                assert_eq!(
                    (&fault["field"], &fault["code"]),
                    (&json!(field), &json!("wrong_type")),
                    "{what}: {problem}"
                );
            }
        }
    }
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_in_an_address_or_a_name_is_an_attack() {
    let fortress = Fortress::build().await;
    let mut seen = 0;
    for route in reading_rows() {
        let Some(good) = good_body(route, &fortress.account) else { continue };
        for field in ["email", "first_name", "last_name"] {
            let Some(value) = good[field].as_str() else { continue };
            let mut body = good.clone();
            body[field] = format!("\0{value}").into();
            let request = fortress.request(route, JSON, body.to_string());
            let problem = fortress.refuses(&format!("{route:?} with {field}"), 400, "malicious_input", &request).await;
            assert!(problem["details"].is_null(), "the answer tells what was found");
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen}");
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_a_megabyte_is_refused_before_anything_is_hashed() {
    let fortress = Fortress::build().await;
    let mut seen = 0;
    for route in reading_rows() {
        let Some(good) = good_body(route, &fortress.account) else { continue };
        for field in ["password", "current_password", "new_password", "refresh_token"] {
            if good[field].is_null() {
                continue;
            }
            for (length, status, code) in [
                (1 << 20, 413, "payload_too_large"),
                (60_000, 400, "validation_error"),
                (4097, 400, "validation_error"),
            ] {
                let mut body = good.clone();
                body[field] = "x".repeat(length).into();
                let request = fortress.request(route, JSON, body.to_string());
                let (status, code) = match field {
                    "refresh_token" if status == 400 => (401, "invalid_token"),
                    _ => (status, code),
                };
                fortress.refuses(&format!("{route:?}: {field} of {length} bytes"), status, code, &request).await;
            }
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen}");
    fortress.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_one_byte_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
    let fortress = Fortress::build().await;
    let of = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
    for route in reading_rows() {
        let what = format!("{route:?}");
        let over = fortress.request(route, JSON, of(portcullis::validate::MAX_BODY + 1));
        fortress.refuses(&what, 413, "payload_too_large", &over).await;
        if route.body == RequestBody::Json {
            let at = fortress.request(route, JSON, of(portcullis::validate::MAX_BODY));
            fortress.refuses(&what, 400, "validation_error", &at).await;
        }
    }
    fortress.stands().await;
}
