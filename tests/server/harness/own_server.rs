//! A server for one test, to be stopped and started.

use std::path::PathBuf;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_postgres::{Client, Config, NoTls};

use super::{environment, layout, repository};

/// A server that only one test uses.
pub struct OwnServer {
    folder: PathBuf,
    url: String,
}

impl OwnServer {
    /// Starts a server with a migrated database.
    pub async fn start() -> Self {
        Self::start_in(Self::folder(), 5432, "").await
    }

    /// Makes a folder for a server, where `scripts/with-cluster` ends it if the test is killed.
    pub fn folder() -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("own-{}-{count}", process::id());
        let folder = PathBuf::from(environment("RUNMETA_CLUSTER_DIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Starts a server that has never seen runmeta, nor the roles that it makes.
    pub async fn bare() -> Self {
        Self::start_bare(Self::folder(), 5432, "").await
    }

    /// Starts a server in this folder with these lines of a configuration, of which the port names the socket too.
    pub async fn start_in(folder: PathBuf, port: u16, settings: &str) -> Self {
        Self::start_bare(folder, port, settings)
            .await
            .migrated()
            .await
    }

    async fn migrated(self) -> Self {
        let mut client = self.connect("postgres").await;
        runmeta_migrations::migrate(&mut client).await.unwrap();
        layout::apply(&mut client).await;
        self
    }

    pub(super) async fn start_bare(folder: PathBuf, port: u16, settings: &str) -> Self {
        let everywhere = std::env::var("RUNMETA_SETTINGS").unwrap_or_default();
        let mut start = command(&["start", folder.to_str().unwrap()]);
        start.env("RUNMETA_SETTINGS", format!("{everywhere}\n{settings}"));
        Self::started_by(start, folder, port).await
    }

    async fn started_by(start: Command, folder: PathBuf, port: u16) -> Self {
        let url = run(start)
            .await
            .replace("%2Fsocket/", &format!("%2Fsocket:{port}/"));
        Self { folder, url }
    }

    /// Connects to this database as the superuser.
    pub async fn connect(&self, database: &str) -> Client {
        let mut config: Config = self.url.parse().unwrap();
        let (client, connection) = config.dbname(database).connect(NoTls).await.unwrap();
        tokio::spawn(async { drop(connection.await) });
        client
    }

    /// Connects to the database that was migrated as the superuser, as soon as the server takes connections again.
    pub async fn connect_again(&self) -> Client {
        let config: Config = self.url.parse().unwrap();
        loop {
            if let Ok((client, connection)) = config.connect(NoTls).await {
                tokio::spawn(async { drop(connection.await) });
                return client;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Connects to this database as a role whose name needs no quotes.
    pub async fn connect_as(&self, role: &str, database: &str) -> Client {
        let client = self.connect(database).await;
        let become_role = format!("SET SESSION AUTHORIZATION {role}");
        client.batch_execute(&become_role).await.unwrap();
        client
    }

    /// Starts a server of which each process may have so many kilobytes of address space.
    pub async fn start_with_address_space(kilobytes: u32) -> Self {
        let folder = Self::folder();
        let mut start = Command::new("sh");
        let limit = format!("ulimit -v {kilobytes}; exec \"$0\" start \"$1\"");
        start.args([
            "-c",
            &limit,
            repository("scripts/cluster").to_str().unwrap(),
        ]);
        start.arg(&folder);
        let server = Self::started_by(start, folder, 5432).await;
        server.migrated().await
    }

    /// Returns the superuser's URL of this database.
    pub fn url_of(&self, database: &str) -> String {
        let (server, _) = self.url.rsplit_once('/').expect("a URL with a database");
        format!("{server}/{database}")
    }

    /// Returns the superuser's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the folder of its socket, by which other servers reach it.
    pub fn folder_of_socket(&self) -> String {
        let folder = self.folder.canonicalize().unwrap();
        folder.join("socket").display().to_string()
    }

    /// Returns what the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// Stops it as a crash would, and starts it again.
    pub async fn crash(&self) {
        self.stop().await;
        self.start_again().await;
    }

    /// Stops it as a crash would.
    pub async fn stop(&self) {
        cluster(&["stop", self.folder.to_str().unwrap(), "immediate"]).await;
    }

    /// Starts it again.
    pub async fn start_again(&self) {
        cluster(&["start", self.folder.to_str().unwrap()]).await;
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let mut stop = command(&["stop", self.folder.to_str().unwrap(), "immediate"]);
        let _ = stop.status();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(repository("scripts/cluster"));
    command.args(arguments);
    command
}

/// Runs `scripts/cluster` and returns the last line that it printed.
async fn cluster(arguments: &[&str]) -> String {
    run(command(arguments)).await
}

async fn run(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().last().unwrap_or_default().to_owned()
}
