//! A way to the database that can be blocked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::Database;

/// Whether anything comes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Everything.
    Open,
    /// Nothing, and nobody is told: as when a machine or a switch hangs.
    Stalled,
    /// Every connection ends, and new ones end at once: as when the server has died.
    Cut,
    /// The next commit reaches the database, and its confirmation gets lost together with the connection.
    LosesCommits,
}

/// Listens on a TCP port of its own and passes everything on to the shared server.
#[derive(Debug)]
pub(crate) struct Proxy {
    database: Database,
    address: SocketAddr,
    way: watch::Sender<Way>,
}

impl Proxy {
    /// An open way to `database`.
    pub(crate) async fn to(database: &Database) -> Self {
        let [Host::Unix(folder)] = database.server.get_hosts() else { panic!("the shared server has one socket") };
        let socket = folder.join(format!(".s.PGSQL.{}", database.server.get_ports()[0]));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, watched) = watch::channel(Way::Open);
        tokio::spawn(accept(listener, socket, watched));
        Self { database: database.clone(), address, way }
    }

    /// The database as it is reached this way.
    pub(crate) fn database(&self) -> Database {
        let mut server = Config::new();
        server.host("127.0.0.1").port(self.address.port()).dbname(&self.database.name);
        server.user(self.database.server.get_user().unwrap());
        Database { name: self.database.name.clone(), server }
    }

    pub(crate) fn make(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, way: watch::Receiver<Way>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        tokio::spawn(pass(client, socket.clone(), way.clone()));
    }
}

async fn pass(client: TcpStream, socket: PathBuf, way: watch::Receiver<Way>) {
    if *way.borrow() == Way::Cut {
        return;
    }
    let Ok(server) = UnixStream::connect(socket).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let committing = Arc::new(AtomicBool::new(false));
    // Whichever ends first takes both connections with it.
    tokio::select! {
        () = pump(from_client, to_server, way.clone(), Watch::Requests(committing.clone())) => {}
        () = pump(from_server, to_client, way, Watch::Replies(committing)) => {}
    }
}

enum Watch {
    Requests(Arc<AtomicBool>),
    Replies(Arc<AtomicBool>),
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut way: watch::Receiver<Way>,
    watch: Watch,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            _ = way.wait_for(|way| *way == Way::Cut) => return,
        };
        let Ok(now) = way.wait_for(|way| *way != Way::Stalled).await.map(|way| *way) else { return };
        let bytes = &buffer[..read];
        let ends = match &watch {
            Watch::Requests(committing) => {
                let commits = bytes.windows(7).any(|window| window == b"COMMIT\0");
                if now == Way::LosesCommits && commits {
                    committing.store(true, Ordering::SeqCst);
                }
                false
            }
            Watch::Replies(committing) => committing.load(Ordering::SeqCst),
        };
        if bytes.is_empty() || now == Way::Cut || ends || to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
