//! Directives of a content security policy that take no sources.

use std::borrow::Cow;
use std::fmt;

use super::error::ConfigError;

/// A directive and its values, which the builder was given and nobody has checked yet.
#[derive(Clone, Debug)]
pub(super) struct TokenDirective {
    name: &'static str,
    values: Vec<Cow<'static, str>>,
    is_value: fn(&str) -> bool,
}

impl TokenDirective {
    pub(super) fn require_trusted_types_for_script() -> Self {
        Self { name: "require-trusted-types-for", values: vec!["'script'".into()], is_value: |_| true }
    }

    pub(super) fn trusted_types(policies: Vec<Cow<'static, str>>) -> Self {
        let values = if policies.is_empty() { vec!["'none'".into()] } else { policies };
        Self { name: "trusted-types", values, is_value: is_trusted_type }
    }

    pub(super) fn sandbox(values: Vec<Cow<'static, str>>) -> Self {
        Self { name: "sandbox", values, is_value: is_sandbox_flag }
    }

    pub(super) fn report_to(endpoint: Cow<'static, str>) -> Self {
        Self { name: "report-to", values: vec![endpoint], is_value: is_endpoint }
    }

    pub(super) fn report_uri(values: Vec<Cow<'static, str>>) -> Self {
        Self { name: "report-uri", values, is_value: is_uri }
    }

    /// Whether both are the same directive, of which a policy heeds the first only.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |value: &str| Err(ConfigError::InvalidValue(self.name, value.to_owned()));
        match self.values.iter().find(|value| !(self.is_value)(value)) {
            Some(value) => wrong(value),
            // The other directives say something without a value too.
            None if self.values.is_empty() && self.name == "report-uri" => wrong(""),
            None => Ok(()),
        }
    }
}

/// As in the header.
impl fmt::Display for TokenDirective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        self.values.iter().try_for_each(|value| write!(f, " {value}"))
    }
}

/// `tt-expression` of Trusted Types, section 4.2.2.
fn is_trusted_type(text: &str) -> bool {
    let name = |byte: u8| byte.is_ascii_alphanumeric() || b"-#=_/@.%".contains(&byte);
    matches!(text, "'none'" | "*" | "'allow-duplicates'") || (!text.is_empty() && text.bytes().all(name))
}

/// One of the flags of the HTML standard; their list grows.
fn is_sandbox_flag(text: &str) -> bool {
    let flag = text.strip_prefix("allow-").unwrap_or_default();
    !flag.is_empty() && flag.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// A token (RFC 9110, section 5.6.2).
fn is_endpoint(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

/// A URI reference without what would end the value: `;` and `,` are to be percent-encoded.
fn is_uri(text: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+=%".contains(&byte);
    !text.is_empty() && text.bytes().all(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_would_void_the_policy_or_break_out_of_it_are_refused() {
        for value in ["", "a b", "a;b", "a,b", "'self'", "\"", "\\", "é", "a\r\nb"] {
            let text = || Cow::Owned(value.to_owned());
            for directive in [
                TokenDirective::trusted_types(vec![text()]),
                TokenDirective::sandbox(vec![text()]),
                TokenDirective::report_uri(vec!["/reports".into(), text()]),
            ] {
                // An apostrophe is a character of URIs like any other.
                let is_fine = directive.name == "report-uri" && value == "'self'";
                let expected =
                    if is_fine { Ok(()) } else { Err(ConfigError::InvalidValue(directive.name, value.into())) };
                assert_eq!(directive.check(), expected, "{directive}");
            }
        }
        for endpoint in ["", "a b", "a;b", "a,b", "\"a\"", "é"] {
            assert!(TokenDirective::report_to(endpoint.into()).check().is_err(), "{endpoint}");
        }
        assert!(TokenDirective::sandbox(vec!["scripts".into()]).check().is_err());
    }

    #[test]
    fn a_report_uri_names_at_least_one_and_a_sandbox_may_allow_nothing() {
        let nowhere = TokenDirective::report_uri(Vec::new()).check();
        assert_eq!(nowhere, Err(ConfigError::InvalidValue("report-uri", String::new())));
        assert_eq!(TokenDirective::sandbox(Vec::new()).check(), Ok(()));
    }
}
