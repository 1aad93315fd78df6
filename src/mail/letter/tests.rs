use super::*;
use crate::mail::Kind;

const ALL: [Template; 11] = [
    Template::Verify,
    Template::SignUp,
    Template::AlreadyRegistered,
    Template::Reset,
    Template::PasswordChanged,
    Template::EmailChange,
    Template::AddressInUse,
    Template::EmailChangeNotice,
    Template::NewDevice,
    Template::AccountLocked,
    Template::AccountDeleted,
];

fn letter(template: Template, language: &str) -> Letter {
    Letter {
        template,
        language: language.to_owned(),
        to: "ada@example.com".to_owned(),
        name: Some("Ada".to_owned()),
        link: Some("https://accounts.example.com/page?token=abc-_123".to_owned()),
        cause: Cause {
            time: "2026-06-15T12:34:56Z".parse().unwrap(),
            device: Some("Firefox on Linux".to_owned()),
            ip_address: Some("203.0.113.9".to_owned()),
        },
        addresses: Some(("old@example.com".to_owned(), "new@example.com".to_owned())),
        kept_until: Some("2026-07-15T12:34:56Z".parse().unwrap()),
    }
}

fn write(letter: &Letter) -> Rendered {
    Writer::new("Example & Sons").unwrap().write(letter).unwrap()
}

#[test]
fn every_mail_is_there_in_every_language() {
    let writer = Writer::new("Example & Sons").unwrap();
    let tags: Vec<_> = writer.languages.tags().collect();
    for tag in ["cs", "de", "en", "es", "fr", "ja"] {
        assert!(tags.contains(&tag), "{tag} is missing in {tags:?}");
    }
    for tag in tags {
        for template in ALL {
            let Rendered { language, subject, text, html } = writer.write(&letter(template, tag)).unwrap();
            let place = format!("{tag} {}: {subject}\n{text}\n{html}", template.name());
            assert_eq!(language, tag);
            assert!(!subject.is_empty() && subject.chars().count() < 90 && !subject.contains('\n'), "{place}");
            for said in ["Ada", "2026-06-15 12:34 UTC", "Firefox on Linux", "203.0.113.9", "token=abc-_123"] {
                assert!(text.contains(said) && html.contains(said), "no {said} in {place}");
            }
            assert!(text.contains("Example & Sons") && html.contains("Example &amp; Sons"), "{place}");
            assert!(!text.contains("{{") && !html.contains("{{") && !text.contains("\n\n\n"), "{place}");
            assert!(html.contains(&format!("<html lang=\"{tag}\" dir=\"ltr\">")), "{place}");
        }
        let notice = writer.write(&letter(Template::EmailChangeNotice, tag)).unwrap();
        assert!(notice.text.contains("old@example.com") && notice.text.contains("new@example.com"), "{}", notice.text);
        let deleted = writer.write(&letter(Template::AccountDeleted, tag)).unwrap();
        assert!(deleted.text.contains("2026-07-15 12:34 UTC"), "{}", deleted.text);
    }
}

#[test]
fn every_kind_has_a_text_of_its_name() {
    for kind in Kind::ALL {
        assert!(ALL.iter().any(|template| template.name() == kind.name()), "{kind:?}");
    }
}

#[test]
fn english_takes_the_place_of_a_language_that_is_not_there() {
    let [unknown, english] = ["tlh", "en"].map(|tag| write(&letter(Template::Reset, tag)));
    assert!(unknown == english && unknown.language == "en");
}

#[test]
fn what_is_not_known_is_said_to_be_unknown_and_a_mail_without_a_link_has_no_button() {
    let mut bare = letter(Template::PasswordChanged, "en");
    (bare.name, bare.link, bare.cause.device, bare.cause.ip_address) = (None, None, None, None);
    let Rendered { text, html, .. } = write(&bare);
    assert!(text.starts_with("Hello,\n\n") && text.contains("Device: unknown\n  IP address: unknown\n"), "{text}");
    assert!(!text.contains("http") && !html.contains("<a "), "{text}\n{html}");
}

#[test]
fn values_are_data_in_html_and_stay_on_their_line_in_text() {
    let mut hostile = letter(Template::EmailChangeNotice, "en");
    hostile.name = Some("<b onclick=x>Ada</b>\r\n\r\nBcc: all@example.com\u{202e}{{ service }}".to_owned());
    hostile.cause.device = Some("\"><script>alert(1)</script>".to_owned());
    hostile.addresses = Some(("a\nb@example.com".to_owned(), "<img src=x>@example.com".to_owned()));
    let Rendered { subject, text, html, .. } = write(&hostile);
    assert!(text.starts_with("Hello <b onclick=x>Ada</b>Bcc: all@example.com{{ service }},\n"), "{text}");
    assert!(text.contains("ab@example.com to <img src=x>@example.com:"), "{text}");
    for tag in ["<b ", "<script", "<img"] {
        assert!(!html.contains(tag), "{tag} in {html}");
    }
    assert!(html.contains("&lt;b onclick=x&gt;Ada"), "{html}");
    assert!(!subject.contains("Ada"), "{subject}");
}

#[test]
fn a_link_is_written_as_it_is_unless_it_holds_what_html_means_something_by() {
    assert!(
        write(&letter(Template::Reset, "en"))
            .html
            .contains("href=\"https://accounts.example.com/page?token=abc-_123\"")
    );
    let mut odd = letter(Template::Reset, "en");
    odd.link = Some("https://accounts.example.com/\"><script>?token=x".to_owned());
    assert!(!write(&odd).html.contains("<script"));
}

#[test]
fn debug_output_shows_neither_link_nor_reader() {
    let letter = letter(Template::Reset, "en");
    let debug = format!("{letter:?} {:?}", write(&letter));
    assert!(!debug.contains("token") && !debug.contains("ada@"), "{debug}");
}
