//! PgBouncer before a database, in transaction mode.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{io, process};

use tokio::net::UnixStream;
use tokio_postgres::config::{Config, Host};

use super::{Database, environment};

/// A running PgBouncer.
pub struct PgBouncer {
    child: Child,
    folder: PathBuf,
    url: String,
}

impl PgBouncer {
    /// Starts it with this many connections to the server.
    pub async fn before(database: &Database, connections: u32) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let config: Config = database.url().parse().unwrap();
        let [Host::Unix(server)] = config.get_hosts() else {
            panic!("the tests' server listens on a socket");
        };
        let (user, name) = (config.get_user().unwrap(), config.get_dbname().unwrap());
        let folder = format!(
            "bouncer-{}-{}",
            process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = PathBuf::from(environment("RUNMETA_CLUSTER_DIR")).join(folder);
        fs::create_dir_all(&folder).unwrap();
        let place = folder.display();
        let settings = format!(
            "[databases]\n{name} = host={} dbname={name}\n\
             [pgbouncer]\nlisten_addr =\nunix_socket_dir = {place}\nunix_socket_mode = 0777\nlisten_port = 6432\n\
             pool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 100\n\
             auth_type = trust\nauth_file = {place}/users\nserver_lifetime = 1\nlogfile = {place}/log\npidfile = {place}/pid\n",
            server.display()
        );
        fs::write(folder.join("settings"), settings).unwrap();
        fs::write(folder.join("users"), format!("\"{user}\" \"\"\n")).unwrap();
        let child = start(&folder);
        let bouncer = Self {
            child,
            url: format!(
                "postgresql://{user}@{}:6432/{name}",
                format!("{place}").replace('/', "%2F")
            ),
            folder,
        };
        let socket = bouncer.folder.join(".s.PGSQL.6432");
        // It says nowhere when it is ready but by taking connections.
        while UnixStream::connect(&socket).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        bouncer
    }

    /// Returns the URL of the database by way of PgBouncer.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// PgBouncer refuses to run as root, as the server does; then it runs as the server's user.
fn start(folder: &PathBuf) -> Child {
    let program = [
        "/usr/sbin/pgbouncer",
        "/usr/local/sbin/pgbouncer",
        "/usr/bin/pgbouncer",
    ];
    let program = program
        .iter()
        .find(|program| PathBuf::from(program).exists());
    let program = program.expect("pgbouncer is missing: apt-get install pgbouncer");
    let owner = Command::new("stat")
        .args([
            "--format=%U",
            &format!("{}/data", environment("RUNMETA_CLUSTER_DIR")),
        ])
        .output()
        .unwrap();
    let owner = String::from_utf8(owner.stdout).unwrap().trim().to_owned();
    let me = Command::new("id").arg("-un").output().unwrap();
    let mut command = match String::from_utf8(me.stdout).unwrap().trim() {
        "root" => {
            let given = Command::new("chown")
                .args(["-R", &owner])
                .arg(folder)
                .status();
            assert!(given.is_ok_and(|status| status.success()));
            let mut command = Command::new("setpriv");
            command.args([&format!("--reuid={owner}"), "--clear-groups", program]);
            command
        }
        _ => Command::new(program),
    };
    command.arg("--quiet").arg(folder.join("settings"));
    command.stdout(io::stderr()).spawn().unwrap()
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
