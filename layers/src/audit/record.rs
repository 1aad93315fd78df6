//! What the app wants to be known about a request.

use std::borrow::Cow;

/// The longest action or actor that is kept, in bytes.
const MAX_TEXT: usize = 256;

/// The longest value of a detail that is kept, in bytes.
const MAX_VALUE: usize = 1024;

/// How many details are kept.
const MAX_DETAILS: usize = 16;

/// Asks for an event, and says what only the app can know.
///
/// The closure given to [`when`](super::Builder::when) returns one, or a handler puts one into the extensions of its response. Where both do,
/// the handler's action and actor are taken, and the details of both.
///
/// Texts are cut, so that an event has a bound in memory whatever a client sent: action and actor after 256 bytes, the value of a detail
/// after 1024; of the details 16 are kept. A record goes to where people read it: no password or token belongs in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct AuditRecord {
    pub(super) action: Cow<'static, str>,
    pub(super) actor: Option<Box<str>>,
    pub(super) details: Vec<(&'static str, Box<str>)>,
}

impl AuditRecord {
    /// A record of an action, such as `login.succeeded`.
    pub fn new(action: impl Into<Cow<'static, str>>) -> Self {
        let action = match action.into() {
            Cow::Owned(text) => Cow::Owned(cut(text, MAX_TEXT).into_string()),
            constant => constant,
        };
        Self { action, actor: None, details: Vec::new() }
    }

    /// Who did it: the id of a user, say.
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(cut(actor.into(), MAX_TEXT));
        self
    }

    /// Something worth knowing about it.
    pub fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if self.details.len() < MAX_DETAILS {
            self.details.push((name, cut(value.into(), MAX_VALUE)));
        }
        self
    }

    /// This record with what only `asked`, an earlier one about the same request, says.
    pub(super) fn completed_by(self, asked: Option<Self>) -> Self {
        let Some(asked) = asked else { return self };
        let mut details = asked.details;
        details.extend(self.details);
        details.truncate(MAX_DETAILS);
        Self { action: self.action, actor: self.actor.or(asked.actor), details }
    }
}

impl From<&'static str> for AuditRecord {
    fn from(action: &'static str) -> Self {
        Self::new(action)
    }
}

impl From<String> for AuditRecord {
    fn from(action: String) -> Self {
        Self::new(action)
    }
}

impl From<Cow<'static, str>> for AuditRecord {
    fn from(action: Cow<'static, str>) -> Self {
        Self::new(action)
    }
}

/// At most `max` bytes of a text, in no more memory than they need.
pub(super) fn cut(mut text: String, max: usize) -> Box<str> {
    if text.len() > max {
        let end = (0..=max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("short".to_owned(), 5).as_ref(), "short");
        assert_eq!(cut("aé".to_owned(), 2).as_ref(), "a");
        assert_eq!(cut("é".to_owned(), 0).as_ref(), "");
        let record = AuditRecord::new("é".repeat(1_000)).actor("a".repeat(1_000)).detail("note", "b".repeat(10_000));
        assert_eq!(record.action.len(), MAX_TEXT);
        assert_eq!(record.actor.unwrap().len(), MAX_TEXT);
        assert_eq!(record.details[0].1.len(), MAX_VALUE);
    }

    #[test]
    fn the_number_of_details_is_bounded() {
        let many = |record: AuditRecord| (0..1_000).fold(record, |record, _| record.detail("n", "1"));
        let record = many("a".into()).completed_by(Some(many("b".into())));
        assert_eq!(record.details.len(), MAX_DETAILS);
    }

    #[test]
    fn a_later_record_says_what_it_was_and_keeps_what_it_does_not_know() {
        let asked = AuditRecord::new("asked").actor("7").detail("a", "1");
        let record = AuditRecord::new("done").detail("b", "2").completed_by(Some(asked.clone()));
        assert_eq!(record, AuditRecord::new("done").actor("7").detail("a", "1").detail("b", "2"));
        let record = AuditRecord::new("done").actor("8").completed_by(Some(asked));
        assert_eq!(record.actor.as_deref(), Some("8"));
        assert_eq!(AuditRecord::new("done").completed_by(None), AuditRecord::from("done"));
    }
}
