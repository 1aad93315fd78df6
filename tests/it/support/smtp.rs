//! A mail server that does as it is told and keeps what it hears (RFC 5321).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{Mail, wait_for};

pub(crate) const USERNAME: &str = "portcullis";
pub(crate) const PASSWORD: &str = "smtp-password-5a0c";

/// How a server protects its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    Plain,
    StartTls,
    Implicit,
}

/// What a server does with the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Answers the recipient so.
    AnswerRecipient(&'static str),
    /// Answers the whole message so.
    AnswerMessage(&'static str),
    /// Closes the connection in the middle of the message.
    HangUp,
    /// Hears the message out, and neither takes it nor says anything more.
    FallSilent,
    /// Takes the message, and closes the connection instead of saying so.
    AcceptAndHangUp,
}

/// A message that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// As it came, with the dots that were added on the way.
    pub(crate) wire: Vec<u8>,
    pub(crate) is_encrypted: bool,
    /// The mechanism with which the sender logged in.
    pub(crate) mechanism: Option<&'static str>,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct SmtpServer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Mutex<Option<JoinHandle<()>>>,
    folder: TempDir,
}

/// What all connections know.
#[derive(Debug)]
struct Shared {
    security: Security,
    /// The mechanism that is offered; with one, nobody sends mail without a log-in.
    mechanism: Option<&'static str>,
    tls: TlsConfig,
    acts: Mutex<VecDeque<Act>>,
    /// How long a message is thought about.
    pause: Mutex<Duration>,
    deliveries: Mutex<Vec<Delivery>>,
    /// Every command of every connection.
    commands: Mutex<Vec<String>>,
}

struct TlsConfig(TlsAcceptor);

impl std::fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConfig")
    }
}

impl SmtpServer {
    pub(crate) async fn start(security: Security) -> Self {
        Self::start_with(security, None).await
    }

    /// A server that lets only [`USERNAME`] in, with this mechanism.
    pub(crate) async fn start_with(security: Security, mechanism: Option<&'static str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = certify(&folder.path().join("ca.pem"));
        let shared = Shared {
            security,
            mechanism,
            tls,
            acts: Mutex::default(),
            pause: Mutex::default(),
            deliveries: Mutex::default(),
            commands: Mutex::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self { address, shared: Arc::new(shared), accepting: Mutex::default(), folder };
        server.accept(listener);
        server
    }

    fn accept(&self, listener: TcpListener) {
        let shared = self.shared.clone();
        let accepting = tokio::spawn(async move {
            // Dropped together with this task: a server that goes down takes its connections with it.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, shared.clone()));
            }
        });
        *self.accepting.lock().unwrap() = Some(accepting);
    }

    /// Goes down, with all connections.
    pub(crate) async fn go_down(&self) {
        let accepting = self.accepting.lock().unwrap().take().unwrap();
        accepting.abort();
        assert!(accepting.await.unwrap_err().is_cancelled());
    }

    /// Comes back under the same address.
    pub(crate) async fn come_back(&self) {
        self.accept(TcpListener::bind(self.address).await.unwrap());
    }

    /// Tells what to do with the next messages; those after them are accepted.
    pub(crate) fn next(&self, acts: &[Act]) {
        self.shared.acts.lock().unwrap().extend(acts);
    }

    /// Thinks so long about every message from now on.
    pub(crate) fn answer_after(&self, pause: Duration) {
        *self.shared.pause.lock().unwrap() = pause;
    }

    /// The certificate of the authority, in PEM.
    pub(crate) fn authority(&self) -> String {
        self.folder.path().join("ca.pem").to_str().unwrap().to_owned()
    }

    pub(crate) fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// What was accepted so far.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.shared.deliveries.lock().unwrap().clone()
    }

    /// Every command so far.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.shared.commands.lock().unwrap().clone()
    }

    /// Waits until so many messages were accepted.
    pub(crate) async fn delivered(&self, count: usize) -> Vec<Delivery> {
        let what = format!("{count} deliveries");
        wait_for(&what, async || Some(self.deliveries()).filter(|found| found.len() >= count)).await
    }

    /// Waits until so many acts are left.
    pub(crate) async fn acts_left(&self, count: usize) {
        wait_for("the acts to be played", async || (self.shared.acts.lock().unwrap().len() <= count).then_some(()))
            .await;
    }
}

impl Delivery {
    pub(crate) fn mail(&self) -> Mail {
        let text = std::str::from_utf8(&self.wire).unwrap();
        let lines: Vec<_> = text.split("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
        Mail::parse(lines.join("\r\n").as_bytes())
    }
}

/// Makes an authority, whose certificate it writes down, and a certificate of that for this server.
fn certify(path: &Path) -> TlsConfig {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    std::fs::write(path, authority.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    TlsConfig(TlsAcceptor::from(Arc::new(config)))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

struct Connection {
    stream: BufReader<Box<dyn Stream>>,
    shared: Arc<Shared>,
    is_encrypted: bool,
    mechanism: Option<&'static str>,
}

async fn serve(stream: tokio::net::TcpStream, shared: Arc<Shared>) {
    let is_encrypted = shared.security == Security::Implicit;
    let stream: Box<dyn Stream> = if is_encrypted {
        let Ok(stream) = shared.tls.0.accept(stream).await else { return };
        Box::new(stream)
    } else {
        Box::new(stream)
    };
    let mut connection = Connection { stream: BufReader::new(stream), shared, is_encrypted, mechanism: None };
    connection.say("220 mail.test ESMTP").await;
    // Ends when the other side is gone, or an act says so.
    while let Some(line) = connection.hear().await {
        if !connection.obey(&line).await {
            return;
        }
    }
}

impl Connection {
    async fn say(&mut self, line: &str) {
        // The other side may be gone already.
        drop(self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await);
        drop(self.stream.get_mut().flush().await);
    }

    async fn hear(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let read = self.stream.read_until(b'\n', &mut line).await.ok()?;
        let line = String::from_utf8(line).unwrap();
        (read > 0).then(|| line.strip_suffix("\r\n").unwrap_or_else(|| panic!("a bare line end: {line:?}")).to_owned())
    }

    /// Follows a command; `false` ends the connection.
    async fn obey(&mut self, line: &str) -> bool {
        self.shared.commands.lock().unwrap().push(line.to_owned());
        let verb = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => self.greet().await,
            "STARTTLS" => return self.encrypt().await,
            "AUTH" => self.let_in(line).await,
            "NOOP" | "RSET" => self.say("250 2.0.0 ok").await,
            "QUIT" => {
                self.say("221 2.0.0 bye").await;
                return false;
            }
            "MAIL" if self.shared.mechanism.is_some() && self.mechanism.is_none() => {
                self.say("530 5.7.0 log in first").await;
            }
            "MAIL" => return self.receive(line).await,
            _ => self.say("502 5.5.1 unknown").await,
        }
        true
    }

    async fn greet(&mut self) {
        self.say("250-mail.test").await;
        if self.shared.security == Security::StartTls && !self.is_encrypted {
            self.say("250-STARTTLS").await;
        }
        if let Some(mechanism) = self.shared.mechanism {
            self.say(&format!("250-AUTH {mechanism}")).await;
        }
        self.say("250 8BITMIME").await;
    }

    async fn encrypt(&mut self) -> bool {
        self.say("220 2.0.0 go ahead").await;
        // What stood in the buffer came in the clear: whoever keeps it can be told anything by anybody (RFC 3207 §6).
        assert!(self.stream.buffer().is_empty());
        let plain = std::mem::replace(&mut self.stream, BufReader::new(Box::new(tokio::io::empty())));
        let Ok(stream) = self.shared.tls.0.accept(plain.into_inner()).await else { return false };
        self.stream = BufReader::new(Box::new(stream));
        self.is_encrypted = true;
        true
    }

    async fn let_in(&mut self, line: &str) {
        let mut words = line.split(' ').skip(1);
        let mechanism = words.next().unwrap_or_default();
        let initial = words.next().map(str::to_owned);
        assert_eq!(Some(mechanism), self.shared.mechanism, "a mechanism that was not offered");
        let good = match mechanism {
            "PLAIN" => decoded(&initial.unwrap()) == format!("\0{USERNAME}\0{PASSWORD}"),
            _ => {
                self.say("334 VXNlcm5hbWU6").await;
                let username = self.hear().await.unwrap_or_default();
                self.say("334 UGFzc3dvcmQ6").await;
                let password = self.hear().await.unwrap_or_default();
                decoded(&username) == USERNAME && decoded(&password) == PASSWORD
            }
        };
        if good {
            self.mechanism = self.shared.mechanism;
            self.say("235 2.7.0 welcome").await;
        } else {
            self.say("535 5.7.8 wrong").await;
        }
    }

    /// One message, from its sender to its last dot.
    async fn receive(&mut self, mail: &str) -> bool {
        let act = self.shared.acts.lock().unwrap().pop_front();
        let from = path(mail);
        self.say("250 2.1.0 ok").await;
        let mut to = Vec::new();
        loop {
            let Some(line) = self.hear().await else { return false };
            self.shared.commands.lock().unwrap().push(line.clone());
            match (line.split([' ', ':']).next().unwrap(), act) {
                ("RCPT", Some(Act::AnswerRecipient(answer))) => {
                    self.say(answer).await;
                    return true;
                }
                ("RCPT", _) => {
                    to.push(path(&line));
                    self.say("250 2.1.5 ok").await;
                }
                ("DATA", _) => break,
                _ => return false,
            }
        }
        self.say("354 go ahead").await;
        let mut wire = Vec::new();
        loop {
            let Some(line) = self.hear().await else { return false };
            if line == "." {
                break;
            }
            wire.extend_from_slice(format!("{line}\r\n").as_bytes());
            if act == Some(Act::HangUp) && wire.len() > 100 {
                return false;
            }
        }
        if act == Some(Act::FallSilent) {
            while self.hear().await.is_some() {}
            return false;
        }
        let pause = *self.shared.pause.lock().unwrap();
        tokio::time::sleep(pause).await;
        if let Some(Act::AnswerMessage(answer)) = act {
            self.say(answer).await;
            return true;
        }
        let (is_encrypted, mechanism) = (self.is_encrypted, self.mechanism);
        let delivery = Delivery { from, to, wire, is_encrypted, mechanism };
        self.shared.deliveries.lock().unwrap().push(delivery);
        if act == Some(Act::AcceptAndHangUp) {
            return false;
        }
        self.say("250 2.0.0 accepted").await;
        true
    }
}

/// What stands between the angle brackets.
fn path(line: &str) -> String {
    line.split_once('<').unwrap().1.split_once('>').unwrap().0.to_owned()
}

fn decoded(text: &str) -> String {
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}
