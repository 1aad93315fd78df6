//! From what a mail is about to what it says.

use jiff::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};

use super::language::Languages;

/// Which text a mail has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Template {
    Verify,
    SignUp,
    AlreadyRegistered,
    Reset,
    PasswordChanged,
    EmailChange,
    AddressInUse,
    EmailChangeNotice,
    NewDevice,
    AccountLocked,
    AccountDeleted,
}

impl Template {
    /// The key in the files of languages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::SignUp => "sign_up",
            Self::AlreadyRegistered => "already_registered",
            Self::Reset => "reset",
            Self::PasswordChanged => "password_changed",
            Self::EmailChange => "email_change",
            Self::AddressInUse => "address_in_use",
            Self::EmailChangeNotice => "email_change_notice",
            Self::NewDevice => "new_device",
            Self::AccountLocked => "account_locked",
            Self::AccountDeleted => "account_deleted",
        }
    }
}

/// One mail before it is put into words. `Debug` hides the link.
#[derive(Clone)]
pub(super) struct Letter {
    pub(super) template: Template,
    /// The tag of its language.
    pub(super) language: String,
    /// The address to which it goes, as it is stored.
    pub(super) to: String,
    /// The reader's given name. Only for readers who have proved that the address is theirs: a stranger who signs up somebody else must
    /// not get words of his own into that mailbox.
    pub(super) name: Option<String>,
    /// Where the button leads.
    pub(super) link: Option<String>,
    pub(super) cause: Cause,
    /// The address that is to be replaced, and the one that is to replace it.
    pub(super) addresses: Option<(String, String)>,
    /// Until when a deleted account keeps its data.
    pub(super) kept_until: Option<Timestamp>,
}

/// When, with what and whence the cause of a mail came.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub(super) time: Timestamp,
    pub(super) device: Option<String>,
    pub(super) ip_address: Option<String>,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter")
            .field("template", &self.template)
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

/// A mail in words.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Rendered {
    /// The tag of the language that it is in.
    pub(super) language: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rendered").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Puts letters into words.
#[derive(Debug)]
pub(super) struct Writer {
    environment: Environment<'static>,
    pub(super) languages: Languages,
    /// What the service is called.
    service: String,
}

/// A mail could not be put into words: a fault of ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WordingError {
    /// The embedded languages cannot be read.
    #[error("the languages of mails cannot be read: {0}")]
    Languages(#[from] serde_json::Error),
    /// A layout or a sentence is wrong.
    #[error("a template of mails is wrong: {0}")]
    Template(#[from] minijinja::Error),
    /// A language lacks a text.
    #[error("no text for the mail {0}")]
    Missing(&'static str),
}

impl Writer {
    /// Reads the layouts and the languages.
    pub(super) fn new(service: &str) -> Result<Self, WordingError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // Lines that hold nothing but a tag leave nothing behind.
        environment.set_syntax(
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?,
        );
        // Sentences are texts; the HTML layout escapes them as a whole.
        environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        environment.add_template("layout.html", include_str!("templates/layout.html"))?;
        environment.add_template("layout.txt", include_str!("templates/layout.txt"))?;
        Ok(Self { environment, languages: Languages::embedded()?, service: plain(service) })
    }

    /// Puts a letter into words.
    pub(super) fn write(&self, letter: &Letter) -> Result<Rendered, WordingError> {
        let missing = WordingError::Missing(letter.template.name());
        let Some((tag, language)) = self.languages.get(&letter.language) else { return Err(missing) };
        let Some(wording) = language.mails.get(letter.template.name()) else { return Err(missing) };
        let values = self.values(letter);
        let say = |sentence: &String| self.environment.render_str(sentence, &values);
        let say_all = |sentences: &[String]| sentences.iter().map(say).collect::<Result<Vec<_>, _>>();
        let subject = say(&wording.subject)?;
        let fact = |label: &str, value: &str| context! { label => label, value => plain(value) };
        let unknown = language.unknown.as_str();
        let layout = context! {
            language => tag,
            direction => &language.direction,
            subject => &subject,
            greeting => say(if letter.name.is_some() { &language.hello_name } else { &language.hello })?,
            before => say_all(&wording.before)?,
            after => say_all(&wording.after)?,
            facts => [
                fact(&language.facts.time, &readable(letter.cause.time)),
                fact(&language.facts.device, letter.cause.device.as_deref().unwrap_or(unknown)),
                fact(&language.facts.address, letter.cause.ip_address.as_deref().unwrap_or(unknown)),
            ],
            link => letter.link.as_deref().map(link),
            button => &wording.button,
            link_hint => &language.link_hint,
            footer => say(&language.footer)?,
        };
        Ok(Rendered {
            language: tag.to_owned(),
            text: self.environment.get_template("layout.txt")?.render(&layout)?,
            html: self.environment.get_template("layout.html")?.render(&layout)?,
            subject,
        })
    }

    /// What sentences may speak of.
    fn values(&self, letter: &Letter) -> Value {
        let (old_email, new_email) = letter.addresses.clone().unwrap_or_default();
        context! {
            service => &self.service,
            name => letter.name.as_deref().map(plain).unwrap_or_default(),
            old_email => plain(&old_email),
            new_email => plain(&new_email),
            kept_until => letter.kept_until.map(readable).unwrap_or_default(),
        }
    }
}

/// Text on one line, in the order in which it is written: without control characters, line and paragraph separators, and without the marks
/// that turn the direction of what follows.
fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !c.is_control() && !turns(*c)).collect()
}

/// A moment as every reader understands it.
fn readable(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A link needs no escaping if it is made of what no HTML means anything by. Entities in it, though correct, mislead simple scanners.
fn link(text: &str) -> Value {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b":/?=._~%@+-[]".contains(&byte);
    if text.bytes().all(harmless) { Value::from_safe_string(text.to_owned()) } else { Value::from(text) }
}

#[cfg(test)]
mod tests;
