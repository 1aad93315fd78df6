//! What a person may choose as a password.
//!
//! Length and guessability, nothing else (NIST SP 800-63B §3.1.1.2, ASVS 6.2): no rules of composition, no expiry,
//! nothing trimmed.

mod list;

use caseless::default_case_fold_str;

/// Longest password in code points.
pub const MAX_LENGTH: usize = 128;

/// Shortest password in code points, unless configured otherwise.
pub const DEFAULT_MIN_LENGTH: usize = 8;

/// A word about the person counts from this length on, in code points: refusing everything that equals "Li" or "Ana"
/// plus digits would refuse too much.
const MIN_CONTEXT_LENGTH: usize = 4;

const SERVICE_NAME: &str = "portcullis";

/// The rules for new passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Fewest code points.
    pub min_length: usize,
}

/// What is known about the person who chooses: words that a guesser would try first. Empty ones are ignored.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// What stands before the `@` of the e-mail address.
    pub email_local_part: &'a str,
    /// First name.
    pub first_name: &'a str,
    /// Last name.
    pub last_name: &'a str,
}

/// A rule that a password breaks. `Display` is the text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordFault {
    /// Fewer code points than the policy asks for.
    #[error("must have at least {min} characters")]
    TooShort {
        /// The policy's minimum.
        min: usize,
    },
    /// More than [`MAX_LENGTH`] code points.
    #[error("must have at most {MAX_LENGTH} characters")]
    TooLong,
    /// It is one of the passwords that everybody tries.
    #[error("is too easy to guess: it is among the most common passwords")]
    TooCommon,
    /// It is a name, an address or the service's name.
    #[error("is too easy to guess: it repeats a name or the e-mail address")]
    ContainsContext,
}

impl PasswordFault {
    /// The stable code for clients.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong => "too_long",
            Self::TooCommon => "too_common",
            Self::ContainsContext => "contains_context",
        }
    }
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: DEFAULT_MIN_LENGTH }
    }
}

impl PasswordPolicy {
    /// Holds a new password against every rule.
    ///
    /// # Errors
    /// All rules that it breaks; only [`PasswordFault::TooLong`] if it is, since nothing else is then looked at.
    pub fn check(&self, password: &str, context: &Context<'_>) -> Result<(), Vec<PasswordFault>> {
        // A code point has at most four bytes: this bounds the work below, whatever the sender sent.
        if password.len() > 4 * MAX_LENGTH || password.chars().count() > MAX_LENGTH {
            return Err(vec![PasswordFault::TooLong]);
        }
        let mut faults = Vec::new();
        if password.chars().count() < self.min_length {
            faults.push(PasswordFault::TooShort { min: self.min_length });
        }
        let folded = default_case_fold_str(password);
        let guesses = guesses(&folded);
        if guesses.iter().any(|guess| list::contains(guess)) {
            faults.push(PasswordFault::TooCommon);
        }
        if context.words().iter().any(|word| guesses.contains(&word.as_str())) {
            faults.push(PasswordFault::ContainsContext);
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl Context<'_> {
    fn words(&self) -> Vec<String> {
        let Self { email_local_part, first_name, last_name } = self;
        [
            SERVICE_NAME,
            email_local_part,
            first_name,
            last_name,
            &format!("{first_name}{last_name}"),
            &format!("{first_name} {last_name}"),
        ]
        .into_iter()
        .filter(|word| word.chars().count() >= MIN_CONTEXT_LENGTH)
        .map(default_case_fold_str)
        .collect()
    }
}

/// The folded password as it is, without punctuation at its end, and without digits and punctuation there. People who
/// are told to add a digit and a sign add them at the end, and guessers know.
fn guesses(folded: &str) -> [&str; 3] {
    [
        folded,
        folded.trim_end_matches(|c: char| !c.is_alphanumeric()),
        folded.trim_end_matches(|c: char| !c.is_alphabetic()),
    ]
}

#[cfg(test)]
mod tests;
