//! A server that encrypts, and the certificates that it takes.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

use super::{Database, OwnServer, environment, rows};

/// The name in the certificate of the server. No resolver is asked for it: the URL has the address too.
pub const HOST: &str = "db.runmeta.test";

/// Who may log in over TCP, each of them as a role that may write runs.
const ACCESS: &str = "\
    local   all all trust\n\
    host    all anyone    127.0.0.1/32 trust\n\
    hostssl all encrypted 127.0.0.1/32 trust\n\
    hostssl all certified 127.0.0.1/32 trust clientcert=verify-ca\n\
    host    all secretive 127.0.0.1/32 scram-sha-256\n\
    hostssl all postgres  127.0.0.1/32 trust\n";

/// A server whose certificate is signed by `ca.pem`, and the files that go with it.
pub struct TlsServer {
    server: OwnServer,
    folder: PathBuf,
    port: u16,
}

impl TlsServer {
    /// Returns the server of all tests, or none where Postgres was built without encryption, as the wheels of PyPI are.
    pub async fn shared() -> Option<&'static Self> {
        static SERVER: OnceCell<Option<TlsServer>> = OnceCell::const_new();
        SERVER.get_or_init(|| Self::start("")).await.as_ref()
    }

    /// Starts a server with these settings besides, or none as above.
    pub async fn start(settings: &str) -> Option<Self> {
        let database = Database::empty().await;
        let client = database.connect().await;
        if rows(&client, "SHOW ssl_library").await.is_empty() {
            eprintln!("this Postgres was built without encryption: nothing is tested");
            return None;
        }
        let folder = OwnServer::folder();
        write_files(&folder);
        let port = free_port();
        let place = folder.display();
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nhba_file = '{place}/access'\nssl = on\n\
             ssl_cert_file = '{place}/server.pem'\nssl_key_file = '{place}/server.key'\n\
             ssl_ca_file = '{place}/ca.pem'\n{settings}\n"
        );
        let server = OwnServer::start_in(folder.clone(), port, &settings).await;
        let server = Self {
            server,
            folder,
            port,
        };
        let roles = "CREATE ROLE anyone LOGIN IN ROLE runmeta_writer;
            CREATE ROLE encrypted LOGIN IN ROLE runmeta_writer;
            CREATE ROLE certified LOGIN IN ROLE runmeta_writer;
            CREATE ROLE secretive LOGIN IN ROLE runmeta_writer PASSWORD 'correct horse';";
        server.superuser().await.batch_execute(roles).await.unwrap();
        Some(server)
    }

    /// Returns the URL for this user with these parameters.
    pub fn url(&self, user: &str, parameters: &str) -> String {
        self.url_of(user, "postgres", parameters)
    }

    /// Returns the URL of another database.
    pub fn url_of(&self, user: &str, database: &str, parameters: &str) -> String {
        let port = self.port;
        format!("postgres://{user}@{HOST}:{port}/{database}?hostaddr=127.0.0.1&{parameters}")
    }

    /// Returns the port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path of a file: `ca.pem`, `stranger.pem`, which has signed nothing, `client.pem` or `client.key`.
    pub fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// Changes a setting, and returns when new sessions have it.
    pub async fn set(&self, name: &str, value: &str) {
        let client = self.superuser().await;
        for statement in [
            format!("ALTER SYSTEM SET {name} = '{value}'"),
            "SELECT pg_reload_conf()".to_owned(),
        ] {
            client.batch_execute(&statement).await.unwrap();
        }
        while rows(&self.superuser().await, &format!("SHOW {name}")).await != value {}
    }

    /// Connects as the superuser, over the socket.
    pub async fn superuser(&self) -> Client {
        let config: tokio_postgres::Config = self.server.url().parse().unwrap();
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(async { drop(connection.await) });
        client
    }

    /// Returns whether the connections of this program are encrypted: `t`, `f`, or both.
    pub async fn encryption(&self, application_name: &str) -> String {
        let query = format!(
            "SELECT DISTINCT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
            WHERE a.application_name = '{application_name}'"
        );
        rows(&self.superuser().await, &query).await
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// Makes certificates, and gives all files to the server's user, who takes no key that others can read.
fn write_files(folder: &Path) {
    let owner = fs::metadata(Path::new(&environment("RUNMETA_CLUSTER_DIR")).join("data")).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    };
    let ca = authority("authority of the tests");
    write("ca.pem", &ca.pem());
    write("stranger.pem", &authority("stranger").pem());
    let itself = authority("server and authority at once");
    write("itself.pem", &itself.pem());
    write("itself.key", &itself.key().serialize_pem());
    for (name, host) in [("server", HOST), ("client", "client.runmeta.test")] {
        let parameters = CertificateParams::new([host.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &ca).unwrap();
        write(&format!("{name}.pem"), &certificate.pem());
        write(&format!("{name}.key"), &key.serialize_pem());
    }
    write("access", ACCESS);
}

/// Finds a port below those that the kernel hands out, so that nobody gets it before the server does.
fn free_port() -> u16 {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    let first = 10_000 + (process::id() % 20_000) as u16;
    loop {
        let port = first + NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
