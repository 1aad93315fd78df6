//! The languages of mails: one file each under `languages/`, compiled in by `build.rs`, which holds all of them to the keys of English.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::accept_language;

/// The language of readers whose own is not there.
pub(super) const BASE: &str = "en";

/// All that is said in one language.
#[derive(Debug, Deserialize)]
pub(super) struct Language {
    /// `ltr` or `rtl`.
    pub(super) direction: String,
    /// The greeting of somebody whose name is not known.
    pub(super) hello: String,
    /// The greeting by name.
    pub(super) hello_name: String,
    /// What the lines that describe the cause are called.
    pub(super) facts: FactLabels,
    /// What is said of a device or an address that is not known.
    pub(super) unknown: String,
    /// What to do when the button does not work.
    pub(super) link_hint: String,
    /// The last line.
    pub(super) footer: String,
    /// What each mail says, by the name of its template.
    pub(super) mails: BTreeMap<String, Wording>,
}

/// What the lines that describe the cause are called.
#[derive(Debug, Deserialize)]
pub(super) struct FactLabels {
    pub(super) time: String,
    pub(super) device: String,
    pub(super) address: String,
}

/// What one mail says.
#[derive(Debug, Deserialize)]
pub(super) struct Wording {
    pub(super) subject: String,
    /// Above the button. The cause is described after the first paragraph.
    pub(super) before: Vec<String>,
    /// On the button, if there is a link.
    #[serde(default)]
    pub(super) button: String,
    /// Below the button.
    pub(super) after: Vec<String>,
}

/// Every language by its tag (RFC 5646).
#[derive(Debug)]
pub(super) struct Languages(BTreeMap<String, Language>);

impl Languages {
    /// Those that are compiled in.
    pub(super) fn embedded() -> Result<Self, serde_json::Error> {
        serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/languages.json"))).map(Self)
    }

    /// The tag of the language that the sender of this header understands best.
    pub(super) fn choose(&self, accept_language: Option<&str>) -> &str {
        accept_language.and_then(|header| accept_language::choose(header, self.tags())).unwrap_or(BASE)
    }

    /// A language and its tag; the base for a tag that only another version knows.
    pub(super) fn get(&self, tag: &str) -> Option<(&str, &Language)> {
        let found = self.0.get_key_value(tag).or_else(|| self.0.get_key_value(BASE));
        found.map(|(tag, language)| (tag.as_str(), language))
    }

    /// Every tag.
    pub(super) fn tags(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
