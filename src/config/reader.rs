//! Reads variables one by one and remembers every fault, so that an operator mends them all in one go.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use super::duration::parse_duration;

/// One thing that is wrong with the configuration. Never holds a value: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable's name.
    pub variable: String,
    /// What is wrong, with an example of a good value.
    pub problem: String,
}

/// Everything that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} fault(s):{}", .0.len(), .0.iter().map(|f| format!("\n  {}: {}", f.variable, f.problem)).collect::<String>())]
pub struct ConfigError(pub Vec<Fault>);

/// Where variables come from: the environment, or a table in a test.
pub type Source<'a> = &'a dyn Fn(&str) -> Option<String>;

pub(super) struct Reader<'a> {
    source: Source<'a>,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self { source, faults: Vec::new() }
    }

    pub(super) fn fault(&mut self, variable: &str, problem: impl Into<String>) {
        self.faults.push(Fault { variable: variable.into(), problem: problem.into() });
    }

    /// The variable, where an empty one counts as not set.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.source)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A secret, from `NAME` or from the file that `NAME_FILE` points at.
    pub(super) fn secret(&mut self, name: &str) -> Option<SecretString> {
        self.text_or_file(name).map(SecretString::from)
    }

    fn text_or_file(&mut self, name: &str) -> Option<String> {
        let file_variable = format!("{name}_FILE");
        match (self.text(name), self.text(&file_variable)) {
            (Some(_), Some(_)) => {
                self.fault(name, format!("set either {name} or {file_variable}, not both"));
                None
            }
            (Some(value), None) => Some(value),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(value) if !value.trim().is_empty() => Some(value.trim_end_matches(['\r', '\n']).to_owned()),
                Ok(_) => {
                    self.fault(&file_variable, "the file is empty");
                    None
                }
                Err(error) => {
                    self.fault(&file_variable, format!("the file cannot be read: {}", error.kind()));
                    None
                }
            },
            (None, None) => None,
        }
    }

    /// A value of a type that reads itself; `example` shows what would do.
    pub(super) fn parse<T: FromStr>(&mut self, name: &str, example: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.fault(name, format!("not understood; an example: {example}"));
        }
        value
    }

    /// A number within bounds, or the default.
    pub(super) fn number<T>(&mut self, name: &str, default: T, bounds: std::ops::RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let Some(text) = self.text(name) else { return default };
        match text.parse::<T>() {
            Ok(value) if bounds.contains(&value) => value,
            _ => {
                self.fault(
                    name,
                    format!("must be a number from {} to {}, such as {default}", bounds.start(), bounds.end()),
                );
                default
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.text(name).map(|text| text.to_ascii_lowercase()).as_deref() {
            None => default,
            Some("true" | "1" | "yes" | "on") => true,
            Some("false" | "0" | "no" | "off") => false,
            Some(_) => {
                self.fault(name, "must be true or false");
                default
            }
        }
    }

    /// A length of time such as `15m`; at least `least`.
    pub(super) fn duration(&mut self, name: &str, default: Duration, least: Duration) -> Duration {
        let Some(text) = self.text(name) else { return default };
        match parse_duration(&text) {
            Some(value) if value >= least => value,
            Some(_) => {
                self.fault(name, format!("must be at least {}s", least.as_secs_f64()));
                default
            }
            None => {
                self.fault(name, "must be a length of time such as 90s, 15m, 168h or 7d");
                default
            }
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)], default: T) -> T {
        let text = self.text(name);
        self.chosen(name, text.as_deref(), choices, default)
    }

    /// One of a few words, from `NAME` or from the file that `NAME_FILE` points at.
    pub(super) fn choice_or_file<T: Copy>(&mut self, name: &str, choices: &[(&str, T)], default: T) -> T {
        let text = self.text_or_file(name);
        self.chosen(name, text.as_deref().map(str::trim), choices, default)
    }

    fn chosen<T: Copy>(&mut self, name: &str, text: Option<&str>, choices: &[(&str, T)], default: T) -> T {
        let Some(text) = text else { return default };
        if let Some((_, value)) = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            return *value;
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        self.fault(name, format!("must be one of {}", words.join(", ")));
        default
    }

    /// A comma-separated list.
    pub(super) fn list<T: FromStr>(&mut self, name: &str, example: &str) -> Vec<T> {
        let Some(text) = self.text(name) else { return Vec::new() };
        let mut values = Vec::new();
        for (index, element) in text.split(',').map(str::trim).filter(|element| !element.is_empty()).enumerate() {
            match element.parse() {
                Ok(value) => values.push(value),
                Err(_) => self.fault(name, format!("element {} is not understood; an example: {example}", index + 1)),
            }
        }
        values
    }

    /// A file that must be there.
    pub(super) fn file(&mut self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(name)?);
        if let Err(error) = std::fs::File::open(&path) {
            self.fault(name, format!("the file cannot be read: {}", error.kind()));
            return None;
        }
        Some(path)
    }
}
