//! From words to the message on the wire (RFC 5322, MIME).

use jiff::Timestamp;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use uuid::Uuid;

use super::letter::Rendered;

/// A message and its envelope.
pub(super) struct Parcel {
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
}

/// Why a mail cannot become a message.
#[derive(Debug, thiserror::Error)]
pub(super) enum PackError {
    /// The stored address is none to which mail can go.
    #[error("the address is not one that mail can go to")]
    Address,
    /// The builder refused; a fault of ours.
    #[error("the message cannot be built: {0}")]
    Build(#[from] lettre::error::Error),
}

/// Makes a message. Its `Message-ID` is that of the job, so that a duplicate can be recognised as one.
pub(super) fn pack(
    from: &Mailbox,
    to: &str,
    job: Uuid,
    now: Timestamp,
    rendered: Rendered,
) -> Result<Parcel, PackError> {
    // Without a display name: what people call themselves has no place in a header.
    let to = Mailbox::new(None, address(to).ok_or(PackError::Address)?);
    let header = |name, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
    let message = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(rendered.subject)
        .date(now.into())
        .message_id(Some(format!("<{job}@{}>", from.email.domain())))
        // Nobody's out-of-office reply is wanted (RFC 3834 §5; the second one is what Exchange listens to).
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        .raw_header(header("Content-Language", &rendered.language))
        .multipart(MultiPart::alternative_plain_html(rendered.text, rendered.html))?;
    Ok(Parcel { envelope: message.envelope().clone(), bytes: message.formatted() })
}

/// An address as mail servers want it: its domain in the ASCII form (RFC 5891), which all of them understand.
fn address(text: &str) -> Option<Address> {
    let (local, domain) = text.rsplit_once('@')?;
    let domain = idna::domain_to_ascii(domain).ok()?;
    Address::new(local, domain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(from: &str, to: &str, subject: &str) -> Result<(Envelope, String), PackError> {
        let rendered = Rendered {
            language: "de".to_owned(),
            subject: subject.to_owned(),
            text: "Grüße".to_owned(),
            html: "<p>Grüße</p>".to_owned(),
        };
        let now = "2026-06-15T12:34:56Z".parse().unwrap();
        let parcel = pack(&from.parse().unwrap(), to, Uuid::from_u128(7), now, rendered)?;
        Ok((parcel.envelope, String::from_utf8(parcel.bytes).unwrap()))
    }

    #[test]
    fn a_message_says_who_when_and_that_a_machine_wrote_it() {
        let (envelope, message) = packed("Müller <a@example.com>", "ada@example.org", "Hallo").unwrap();
        assert_eq!(envelope.from().unwrap().to_string(), "a@example.com");
        for line in [
            "From: =?utf-8?b?TcO8bGxlcg==?= <a@example.com>",
            "To: ada@example.org",
            "Subject: Hallo",
            "Date: Mon, 15 Jun 2026 12:34:56 +0000",
            "Message-ID: <00000000-0000-0000-0000-000000000007@example.com>",
            "Auto-Submitted: auto-generated",
            "Content-Language: de",
            "MIME-Version: 1.0",
        ] {
            assert_eq!(message.matches(&format!("{line}\r\n")).count(), 1, "{line} in {message}");
        }
        assert!(message.is_ascii(), "{message}");
    }

    #[test]
    fn no_subject_can_add_a_header_or_end_the_head() {
        for subject in ["a\r\nBcc: all@example.com", "a\nBcc: all@example.com", "a\r\n\r\n<p>", "\u{0}\u{b}\rBcc: x"] {
            let (envelope, message) = packed("a@example.com", "ada@example.org", subject).unwrap();
            assert_eq!(envelope.to().len(), 1);
            let (head, _) = message.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("Auto-Submitted") && !head.contains("\r\nBcc"), "{head}");
            assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "{head:?}");
        }
    }

    #[test]
    fn mail_goes_to_the_ascii_form_of_a_domain_and_nowhere_else() {
        let (envelope, _) = packed("a@example.com", "ada@münchen.example", "x").unwrap();
        assert_eq!(envelope.to()[0].to_string(), "ada@xn--mnchen-3ya.example");
        for odd in ["o'hara+tag@x.ie", "用户@example.com"] {
            assert_eq!(packed("a@example.com", odd, "x").unwrap().0.to()[0].to_string(), odd);
        }
        for none in
            ["", "ada", "ada@", "@example.com", "ada@example.com\r\nRCPT TO:<b@x.y>", "a b@c@example.com", "a@b c"]
        {
            assert!(matches!(packed("a@example.com", none, "x"), Err(PackError::Address)), "{none}");
        }
    }
}
