//! The pages where links in mails land, as HTTP: what scanners of mailboxes and browsers get.

use http::{Method, Request, header};
use portcullis::pages::{FILES, PAGES};

use crate::support::{Answer, Program, TestApp};

const PATHS: [&str; 5] =
    ["/verify-email", "/reset-password", "/confirm-email-change", "/undo-email-change", "/end-session"];

#[test]
fn these_are_all_pages() {
    assert_eq!(PAGES.iter().map(|page| page.path).collect::<Vec<_>>(), PATHS);
}

async fn get(app: &TestApp, path: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    app.client().send(request.body(Default::default()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_html_that_nobody_stores_or_frames_and_that_tells_nobody_its_address() {
    let app = TestApp::spawn().await;
    for path in PATHS {
        let page = get(&app, &format!("{path}?token=secret"), &[]).await.expect(200);
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("content-language", "en"),
            ("etag", ""),
        ] {
            assert_eq!(page.header(name), value, "{path}: {name}");
        }
        assert!(page.header("vary").contains("accept-language"), "{path}");
        assert!(!page.body.windows(6).any(|part| part == b"secret"), "{path} repeats the token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_of_a_page_allows_our_own_files_and_nothing_else() {
    let app = TestApp::spawn().await;
    for path in PATHS {
        let page = app.client().get(path).await.expect(200);
        let mut directives: Vec<_> = page.header("content-security-policy").split("; ").collect();
        directives.sort_unstable();
        assert_eq!(
            directives,
            [
                "base-uri 'none'",
                "connect-src 'self'",
                "default-src 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
                "img-src 'self'",
                "require-trusted-types-for 'script'",
                "script-src 'self'",
                "style-src 'self'",
                "trusted-types 'none'",
            ],
            "{path}"
        );
    }
}

/// Scanners of mailboxes open every link, some of them several times.
#[tokio::test(flavor = "multi_thread")]
async fn opening_a_link_reads_and_writes_nothing() {
    let app = TestApp::spawn().await;
    let account = app.client().sign_up().await;
    let database = app.database.connect().await;
    let state = async || {
        let query = "select (select count(*) from audit_logs), (select xmin::text from users where id::text = $1), \
                     (select count(*) from email_tokens where used_at is not null), \
                     (select count(*) from password_reset_tokens where is_used)";
        let row = database.query_one(query, &[&account.id]).await.unwrap();
        (row.get::<_, i64>(0), row.get::<_, String>(1), row.get::<_, i64>(2), row.get::<_, i64>(3))
    };
    let before = state().await;
    for path in PATHS {
        for method in [Method::GET, Method::HEAD, Method::GET] {
            let path = format!("{path}?token={}", account.id);
            app.client().call(method, &path, None, None).await.expect(200);
        }
        app.client().call(Method::POST, path, None, None).await.expect_problem(405, "method_not_allowed");
    }
    assert_eq!(state().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_answer_when_the_database_does_not() {
    let app = TestApp::spawn().await;
    app.app.database.close();
    for path in PATHS {
        app.client().get(path).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_in_the_language_of_its_reader() {
    let app = TestApp::spawn().await;
    for (wanted, language, words) in [
        ("de-CH,de;q=0.9,en;q=0.5", "de", "Neues Passwort"),
        ("cs", "cs", "Nové heslo"),
        ("es-MX", "es", "Contraseña nueva"),
        ("fr;q=0.5, nl", "fr", "Nouveau mot de passe"),
        ("ja-JP", "ja", "新しいパスワード"),
        ("nl, *", "en", "New password"),
    ] {
        let page = get(&app, "/reset-password", &[(header::ACCEPT_LANGUAGE, wanted)]).await.expect(200);
        let html = std::str::from_utf8(&page.body).unwrap();
        assert_eq!(page.header("content-language"), language, "{wanted}");
        assert!(html.contains(&format!("<html lang=\"{language}\">")) && html.contains(words), "{wanted}: {html}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shortest_password_that_is_accepted_is_told() {
    let app = TestApp::builder().set("PASSWORD_MIN_LENGTH", "15").spawn().await;
    let page = app.client().get("/reset-password").await.expect(200);
    assert!(std::str::from_utf8(&page.body).unwrap().contains("At least 15 characters"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_the_pages_are_kept_but_asked_about() {
    let app = TestApp::spawn().await;
    for (name, content) in FILES {
        let path = format!("/pages/{name}");
        let file = app.client().get(&path).await.expect(200);
        assert_eq!(file.body, *content);
        let content_type = match name.rsplit_once('.').unwrap().1 {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert_eq!((file.header("content-type"), file.header("cache-control")), (content_type, "no-cache"), "{name}");
        let held = get(&app, &path, &[(header::IF_NONE_MATCH, file.header("etag"))]).await.expect(304);
        assert!(held.body.is_empty(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_other_files() {
    let app = TestApp::spawn().await;
    for name in ["nothing.js", "link.html", "mod.rs", "texts", "page.js.map", "PAGE.JS", "page.js%00"] {
        app.client().get(&format!("/pages/{name}")).await.expect_problem(404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_link_is_in_no_log() {
    let program = Program::on_fresh_database().await.set("LOG_LEVEL", "trace");
    let service = program.serve().await;
    for path in PATHS {
        service.client().get(&format!("{path}?token=a-token-that-must-stay-secret")).await.expect(200);
    }
    let ended = service.stop().await;
    let said = ended.stdout + &ended.stderr;
    assert!(said.contains("/verify-email"), "the log does not name the pages: {said}");
    assert!(!said.contains("must-stay-secret"), "{said}");
}
