//! The pages where links in mails land.
//!
//! Opening a link changes nothing: scanners of mailboxes open links too. The page says what the link is about, and its button sends the token
//! as JSON. One template makes every page from a row of [`PAGES`] and from the texts of the reader's language, which are one file each:
//! whoever adds `texts/it.yaml` has added Italian.

pub mod policy;
mod table;

use std::collections::BTreeMap;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::Value;

use crate::mail::accept_language;

pub use table::{PAGES, Page};

/// What the pages consist of besides HTML, by the names under which it is served.
pub const FILES: &[(&str, &[u8])] = &[
    ("api.js", include_bytes!("api.js")),
    ("entry.js", include_bytes!("entry.js")),
    ("form.js", include_bytes!("form.js")),
    ("icon.svg", include_bytes!("icon.svg")),
    ("page.css", include_bytes!("page.css")),
    ("page.js", include_bytes!("page.js")),
];

/// The name ends in `.html`, so that every value is escaped.
const TEMPLATE: (&str, &str) = ("link.html", include_str!("link.html"));

/// The files in `texts` by their tags (RFC 5646), converted at build time, which also holds all languages to the same keys.
const TEXTS: &str = include_str!(concat!(env!("OUT_DIR"), "/page_texts.json"));

/// The language of readers whose own is not there.
const BASE: &str = "en";

/// Why the pages could not be made ready, or one could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The texts are not those of a table of languages.
    #[error("the texts of the pages cannot be read")]
    Texts(#[from] serde_json::Error),
    /// The template is malformed, or names a text that a language does not have.
    #[error("a page cannot be made")]
    Template(#[from] minijinja::Error),
}

/// A page in the language of its reader.
#[derive(Clone, Debug)]
pub struct Rendered<'a> {
    /// The tag of the language (RFC 5646).
    pub language: &'a str,
    /// The document.
    pub html: String,
}

/// The template and the texts.
#[derive(Debug)]
pub struct Pages {
    environment: Environment<'static>,
    languages: BTreeMap<String, Value>,
    /// Fewest code points of a new password, which the pages tell.
    min_length: String,
}

/// The texts that one page needs.
#[derive(Serialize)]
struct Words<'a> {
    language: &'a str,
    min_length: &'a str,
    page: &'a Page,
    words: &'a Value,
    shared: &'a Value,
    errors: &'a Value,
}

impl Pages {
    /// Reads the template and the texts of every language.
    ///
    /// # Errors
    /// [`PageError`] when one of them is malformed.
    pub fn new(min_length: usize) -> Result<Self, PageError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_template(TEMPLATE.0, TEMPLATE.1)?;
        Ok(Self { environment, languages: serde_json::from_str(TEXTS)?, min_length: min_length.to_string() })
    }

    /// Makes a page for the reader with this `Accept-Language`.
    ///
    /// # Errors
    /// [`PageError::Template`] when the language lacks a text.
    pub fn render(&self, page: &Page, accept_language: Option<&str>) -> Result<Rendered<'_>, PageError> {
        let tags = self.languages.keys().map(String::as_str);
        let tag = accept_language.and_then(|header| accept_language::choose(header, tags)).unwrap_or(BASE);
        let texts = self.languages.get(tag).unwrap_or(&Value::Null);
        let words = Words {
            language: tag,
            min_length: &self.min_length,
            page,
            words: &texts["pages"][page.name],
            shared: &texts["shared"],
            errors: &texts["errors"],
        };
        let html = self.environment.get_template(TEMPLATE.0)?.render(Serde(words))?;
        Ok(Rendered { language: tag, html })
    }
}

#[cfg(test)]
mod tests;
