//! A proxy between a client and the server that does to connections what networks do.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::unix;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_postgres::config::{Config, Host};

use super::Database;

/// A proxy on a port of its own.
pub struct Proxy {
    port: u16,
    url: String,
    lines: Arc<Lines>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

struct Lines {
    socket: PathBuf,
    /// Cut the connection between commit and answer of every such flush; 0 for none.
    cut_every: AtomicU32,
    flushes: AtomicU32,
    cuts: AtomicU32,
}

impl Proxy {
    /// Stands before the server of a database.
    pub async fn before(database: &Database) -> Self {
        let config: Config = database.url().parse().unwrap();
        let [Host::Unix(folder)] = config.get_hosts() else {
            panic!("the tests' server listens on a socket");
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let user = config.get_user().unwrap();
        let name = config.get_dbname().unwrap();
        let lines = Arc::new(Lines {
            socket: folder.join(".s.PGSQL.5432"),
            cut_every: AtomicU32::new(0),
            flushes: AtomicU32::new(0),
            cuts: AtomicU32::new(0),
        });
        let proxy = Self {
            port,
            url: format!("postgresql://{user}@127.0.0.1:{port}/{name}?sslmode=disable"),
            lines,
            listener: Mutex::new(None),
        };
        proxy.listen(listener);
        proxy
    }

    /// Returns the URL of the database by way of the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Cuts the connection between commit and answer of every `count`th flush from now on; of none with 0.
    pub fn cut_every(&self, count: u32) {
        self.lines.cut_every.store(count, Relaxed);
    }

    /// Returns how many connections were cut like that.
    pub fn cuts(&self) -> u32 {
        self.lines.cuts.load(Relaxed)
    }

    /// Ends all connections and refuses new ones, as if nothing listened there.
    pub async fn refuse(&self) {
        let listener = self.listener.lock().unwrap().take();
        if let Some(listener) = listener {
            listener.abort();
            let _ = listener.await;
        }
    }

    /// Takes connections again.
    pub async fn accept(&self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.listen(listener);
    }

    fn listen(&self, listener: TcpListener) {
        let lines = self.lines.clone();
        let task = tokio::spawn(async move {
            // Dropped with this task, and the connections with it.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let lines = lines.clone();
                connections.spawn(async move { drop(lines.carry(client).await) });
            }
        });
        *self.listener.lock().unwrap() = Some(task);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.lock().unwrap().take() {
            listener.abort();
        }
    }
}

impl Lines {
    async fn carry(&self, client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let server = UnixStream::connect(&self.socket).await?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        // How many answers from now the one is that must not arrive; 0 for none.
        let cut = AtomicU32::new(0);
        tokio::select! {
            ended = self.ask(from_client, to_server, &cut) => ended,
            ended = self.answer(from_server, to_client, &cut) => ended,
        }
    }

    async fn ask(
        &self,
        mut client: OwnedReadHalf,
        mut server: unix::OwnedWriteHalf,
        cut: &AtomicU32,
    ) -> io::Result<()> {
        // The first message has no type.
        let length = client.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        client.read_exact(&mut body).await?;
        server.write_u32(length).await?;
        server.write_all(&body).await?;
        loop {
            let (kind, message) = read_message(&mut client).await?;
            if kind == b'P' && contains(&message, b"runmeta.flush(") {
                let every = self.cut_every.load(Relaxed);
                let count = self.flushes.fetch_add(1, Relaxed) + 1;
                if every > 0 && count.is_multiple_of(every) {
                    cut.store(1, Relaxed);
                }
            }
            server.write_all(&message).await?;
        }
    }

    async fn answer(
        &self,
        mut server: unix::OwnedReadHalf,
        mut client: OwnedWriteHalf,
        cut: &AtomicU32,
    ) -> io::Result<()> {
        loop {
            let (kind, message) = read_message(&mut server).await?;
            if cut.load(Relaxed) == 0 {
                client.write_all(&message).await?;
            } else if kind == b'Z' {
                // Ready for the next query: this one has committed.
                self.cuts.fetch_add(1, Relaxed);
                return Ok(());
            }
        }
    }
}

/// Reads a message, and returns its type and all of its bytes.
async fn read_message(from: &mut (impl AsyncReadExt + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let kind = from.read_u8().await?;
    let length = from.read_u32().await?;
    let mut message = vec![kind];
    message.extend(length.to_be_bytes());
    message.resize(length as usize + 1, 0);
    from.read_exact(&mut message[5..]).await?;
    Ok((kind, message))
}

fn contains(message: &[u8], part: &[u8]) -> bool {
    message.windows(part.len()).any(|window| window == part)
}
