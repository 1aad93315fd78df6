use super::*;
use crate::mail::Kind;
use crate::routes::ROUTES;

fn pages() -> Pages {
    Pages::new(8).unwrap()
}

/// Every page in every language.
fn all() -> Vec<(&'static Page, String, String)> {
    let pages = pages();
    let mut all = Vec::new();
    for (tag, page) in pages.languages.keys().flat_map(|tag| PAGES.iter().map(move |page| (tag, page))) {
        let Rendered { language, html } = pages.render(page, Some(tag)).unwrap();
        assert_eq!(language, tag);
        all.push((page, tag.clone(), html));
    }
    all
}

#[test]
fn there_are_the_languages_of_the_mails() {
    let pages = pages();
    for tag in ["cs", "de", "en", "es", "fr", "ja"] {
        assert!(pages.languages.contains_key(tag), "{tag}");
    }
}

#[test]
fn every_page_can_be_made_in_every_language() {
    for (page, language, html) in all() {
        assert!(html.contains(&format!("<html lang=\"{language}\">")), "{}", page.path);
        assert!(!html.contains("{min}") && !html.contains("{{"), "{} in {language}", page.path);
    }
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for (page, _, html) in all() {
        let tags = html.split('<').skip(1).filter_map(|rest| rest.split('>').next());
        let is_inline = |tag: &str| tag.starts_with("style") || tag.contains(" style=") || tag.contains(" on");
        assert_eq!(tags.filter(|tag| is_inline(tag)).collect::<Vec<_>>(), [""; 0], "{}", page.path);
        assert!(!html.contains("//"), "{}", page.path);
        let scripts: Vec<_> = html.split("<script").skip(1).collect();
        assert_eq!(scripts.len(), 1);
        assert!(
            scripts[0].starts_with(" type=\"module\" src=\"") && scripts[0].contains("></script>"),
            "{}",
            page.path
        );
    }
}

/// Relative, so that the pages also work behind a `PUBLIC_URL` with a path.
#[test]
fn pages_and_scripts_name_only_files_that_are_served() {
    let served = |name: &str| FILES.iter().any(|(served, _)| *served == name);
    for (page, _, html) in all() {
        let names: Vec<_> = html.split("\"pages/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(names.len() >= 3 && names.iter().all(|name| served(name)), "{}: {names:?}", page.path);
        assert!(!html.contains("\"/"), "{}: an absolute path", page.path);
    }
    for (file, content) in FILES.iter().filter(|(name, _)| name.ends_with(".js")) {
        let script = std::str::from_utf8(content).unwrap();
        for name in script.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(served(name), "{file}: {name}");
        }
    }
}

#[test]
fn buttons_call_operations_that_exist() {
    for page in PAGES {
        let operations = [Some(page.action), page.rejection, page.renewal, Some("email/inspect")];
        for operation in operations.into_iter().flatten() {
            let path = format!("/api/v1/auth/{operation}");
            assert!(ROUTES.iter().any(|route| route.path == path && route.method == http::Method::POST), "{path}");
        }
        assert!(ROUTES.iter().any(|route| route.path == page.path && route.is_static), "{}", page.path);
    }
}

#[test]
fn links_in_mails_lead_to_pages() {
    let paths: Vec<_> = Kind::ALL.into_iter().filter_map(Kind::link).map(|link| link.path).collect();
    assert!(paths.iter().all(|path| PAGES.iter().any(|page| page.path == *path)), "{paths:?}");
    assert!(PAGES.iter().all(|page| paths.contains(&page.path)));
}

#[test]
fn a_text_cannot_bring_markup_along() {
    let mut pages = pages();
    pages.min_length = "<b>".into();
    let page = PAGES.iter().find(|page| page.name == "reset_password").unwrap();
    let html = pages.render(page, None).unwrap().html;
    assert!(html.contains("&lt;b&gt;") && !html.contains("<b>"));
}
