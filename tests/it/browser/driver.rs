//! As much of `WebDriver` (<https://www.w3.org/TR/webdriver2/>) as the tests need.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Client, wait_for};

/// The name under which `WebDriver` hands out references to elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys without a character, by their `WebDriver` code points.
pub(super) const TAB: char = '\u{e004}';
pub(super) const ENTER: char = '\u{e007}';
pub(super) const SPACE: char = ' ';
pub(super) const CONTROL: char = '\u{e009}';

/// A browser of its own, with an empty profile.
pub(super) struct Browser {
    driver: Child,
    address: SocketAddr,
    client: Client,
    session: String,
}

impl Browser {
    /// Starts one with further arguments.
    pub(super) async fn open(arguments: &[&str]) -> Self {
        Self::with_preferences(arguments, json!({})).await
    }

    /// Starts one with further arguments and preferences.
    pub(super) async fn with_preferences(arguments: &[&str], preferences: Value) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            // Times on the pages are local ones.
            .env("TZ", "UTC")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("no chromedriver: run `scripts/install.sh chromium chromedriver`");
        let address = listening(&mut driver);
        let client = Client::new(address);
        let mut all = vec![
            "--headless",
            // Root has no sandbox.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            // Nothing that would call home.
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=800,1000",
        ];
        all.extend(arguments);
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": all, "prefs": preferences },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let answer = client.post("/session", capabilities).await;
        let session = answer.json()["value"]["sessionId"].as_str().map(str::to_owned);
        let browser = Self { driver, address, client, session: session.clone().unwrap_or_default() };
        assert!(session.is_some(), "no browser: run `scripts/install.sh chromium`: {answer:?}");
        browser
    }

    async fn command(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let path = format!("/session/{}{path}", self.session);
        let answer = self.client.call(method.clone(), &path, None, body.as_ref()).await;
        let value = answer.json()["value"].take();
        assert!(answer.status.is_success(), "{method} {path} {body:?}: {} {}", value["error"], value["message"]);
        value
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.command(Method::POST, path, Some(body)).await
    }

    pub(super) async fn visit(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    pub(super) async fn back(&self) {
        self.post("/back", json!({})).await;
    }

    pub(super) async fn forward(&self) {
        self.post("/forward", json!({})).await;
    }

    pub(super) async fn reload(&self) {
        self.post("/refresh", json!({})).await;
    }

    /// What the address bar shows.
    pub(super) async fn url(&self) -> String {
        self.command(Method::GET, "/url", None).await.as_str().unwrap().to_owned()
    }

    pub(super) async fn title(&self) -> String {
        self.command(Method::GET, "/title", None).await.as_str().unwrap().to_owned()
    }

    async fn find(&self, selector: &str) -> String {
        let found = self.post("/element", json!({ "using": "css selector", "value": selector })).await;
        format!("/element/{}", found[ELEMENT].as_str().unwrap())
    }

    pub(super) async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.post(&format!("{element}/click"), json!({})).await;
    }

    /// Replaces what is in a field.
    pub(super) async fn fill(&self, selector: &str, text: &str) {
        let element = self.find(selector).await;
        self.post(&format!("{element}/clear"), json!({})).await;
        self.post(&format!("{element}/value"), json!({ "text": text })).await;
    }

    /// The text that a person sees there.
    pub(super) async fn text(&self, selector: &str) -> String {
        let element = self.find(selector).await;
        self.command(Method::GET, &format!("{element}/text"), None).await.as_str().unwrap().to_owned()
    }

    /// Presses keys one after the other, wherever the focus is. Those of `held` are down meanwhile.
    pub(super) async fn press(&self, held: &[char], keys: &str) {
        let action = |kind: &str, key: char| json!({ "type": kind, "value": key });
        let down = held.iter().map(|key| action("keyDown", *key));
        let press = keys.chars().flat_map(|key| [action("keyDown", key), action("keyUp", key)]);
        let up = held.iter().map(|key| action("keyUp", *key));
        let actions: Vec<_> = down.chain(press).chain(up).collect();
        self.post("/actions", json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] })).await;
    }

    /// What a function body returns in the page.
    pub(super) async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Waits until the page shows this view.
    pub(super) async fn wait_for_view(&self, view: &str) {
        let shown = "return document.querySelector('[data-view]:not([hidden])')?.dataset.view ?? null";
        wait_for(&format!("the view {view:?}"), async || (self.run(shown).await == view).then_some(())).await;
    }

    /// Waits until a person sees this text there.
    pub(super) async fn wait_for_text(&self, selector: &str, text: &str) {
        wait_for(&format!("{text:?}"), async || (self.text(selector).await == text).then_some(())).await;
    }

    /// Gives the page a screen of this size, in CSS pixels.
    pub(super) async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        self.post("/goog/cdp/execute", command).await;
    }

    /// What the console says of violated policies and failed scripts since the last look. Answers that are refusals are none of these, nor
    /// are features that the service denies and this browser does not have.
    pub(super) async fn complaints(&self) -> Vec<String> {
        let entries = self.post("/se/log", json!({ "type": "browser" })).await;
        let entries = entries.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned());
        let is_complaint = |text: &String| {
            ["Content Security Policy", "Refused to", "Uncaught", "Error"].iter().any(|word| text.contains(word))
                && !text.contains("Permissions-Policy header: Unrecognized feature")
        };
        entries.filter(is_complaint).collect()
    }

    pub(super) async fn close(self) {
        self.command(Method::DELETE, "", None).await;
    }
}

/// A test that fails leaves no browser behind: chromedriver ends it before it answers that its session is deleted.
impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(mut stream) = TcpStream::connect(self.address)
        {
            let request = format!("DELETE /session/{} HTTP/1.1\r\nHost: localhost\r\n\r\n", self.session);
            drop(stream.set_read_timeout(Some(Duration::from_secs(10))));
            drop(stream.write_all(request.as_bytes()).and_then(|()| stream.read(&mut [0])));
        }
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

/// Waits for chromedriver to say which port it got.
fn listening(driver: &mut Child) -> SocketAddr {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| {
        let line = line.unwrap();
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse::<u16>().ok()
    });
    ([127, 0, 0, 1], port.expect("chromedriver ended before it listened")).into()
}
