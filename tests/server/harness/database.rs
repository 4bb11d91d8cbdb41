//! A database for one test, gone when the test ends, also when it panics.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::OnceCell;
use tokio_postgres::config::{Config, Host};
use tokio_postgres::{Client, NoTls};

use super::citus;
use super::environment;
use super::layout;
use super::program::{merged_output, postgres_program};
use super::role::Role;
use super::waiting::until_worker_runs;

/// A database that only one test uses.
pub struct Database {
    name: String,
}

impl Database {
    /// Makes a migrated database that does without a worker: documents are written directly and changes announced at
    /// commit, so that versions and announcements are the same each time.
    pub async fn new() -> Self {
        let database = Self::migrated().await;
        for setting in ["runmeta.notify = commit", "runmeta.inbox = off"] {
            maintenance(&format!("ALTER DATABASE {} SET {setting}", database.name)).await;
        }
        database
    }

    /// Makes a migrated database as users have it, of which the worker lives.
    pub async fn with_worker() -> Self {
        let database = Self::migrated().await;
        until_worker_runs(&database.connect().await).await;
        database
    }

    /// Makes a migrated database: a clone of a template that is migrated once for all tests of the process.
    pub async fn migrated() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let template = TEMPLATE.get_or_init(migrated_template).await;
        Self::create(&format!("TEMPLATE {template}")).await
    }

    /// Makes a database without runmeta.
    pub async fn empty() -> Self {
        Self::create("TEMPLATE template0").await
    }

    /// Makes a database without runmeta, with these options of `CREATE DATABASE`.
    pub async fn create(options: &str) -> Self {
        let name = unique("runmeta_test");
        maintenance(&format!("CREATE DATABASE {name} {options}")).await;
        Self { name }
    }

    /// Makes a database without runmeta that belongs to this role.
    pub async fn owned_by(role: &Role) -> Self {
        Self::create(&format!("TEMPLATE template0 OWNER {}", role.quoted())).await
    }

    /// Connects as the superuser.
    pub async fn connect(&self) -> Client {
        connect(&self.name).await
    }

    /// Connects as `role`, which need not be allowed to log in.
    pub async fn connect_as(&self, role: &str) -> Client {
        citus::give_memberships(role).await;
        let client = self.connect().await;
        client
            .batch_execute(&format!(
                "SET SESSION AUTHORIZATION \"{}\"",
                role.replace('"', "\"\"")
            ))
            .await
            .unwrap();
        client
    }

    /// Connects to each node of a cluster as the superuser, or to the only server.
    pub async fn connect_to_nodes(&self) -> Vec<Client> {
        let mut clients = Vec::new();
        for url in citus::urls(&self.name) {
            clients.push(open(&url.parse().unwrap()).await);
        }
        clients
    }

    /// Returns the superuser's URL, for programs.
    pub fn url(&self) -> String {
        let url = environment("RUNMETA_TEST_URL");
        let (server, _) = url.rsplit_once('/').expect("a URL with a database");
        format!("{server}/{}", self.name)
    }

    /// Returns the variables by which libpq, and what follows it, finds this database.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        let config: Config = self.url().parse().unwrap();
        let [Host::Unix(socket)] = config.get_hosts() else {
            panic!("the tests' server listens on a socket");
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        [
            ("PGHOST", socket.display().to_string()),
            ("PGPORT", port.to_string()),
            ("PGUSER", config.get_user().unwrap().to_owned()),
            ("PGDATABASE", self.name.clone()),
        ]
    }

    /// Runs a script in psql and returns what a person would see, errors in their place.
    ///
    /// The test's own connections stand still meanwhile.
    pub fn psql(&self, script: &str) -> String {
        let mut psql = postgres_program("psql");
        psql.args(["--no-psqlrc", "--quiet", &self.url()]);
        merged_output(psql, script).0
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let output = citus::on_each_node(&drop);
        if !output.is_empty() {
            eprintln!("{drop}: {output}");
        }
    }
}

async fn migrated_template() -> String {
    let name = unique("runmeta_template");
    maintenance(&format!("CREATE DATABASE {name} TEMPLATE template0")).await;
    if layout::is_citus() {
        citus::join(&name).await;
    }
    let mut client = connect(&name).await;
    if let Err(error) = runmeta_migrations::migrate(&mut client).await {
        panic!("the template database could not be migrated: {error}");
    }
    layout::apply(&mut client).await;
    // Nobody may be connected to a template, and a closed connection takes a moment to be gone.
    drop(client);
    if layout::is_citus() {
        // Citus has a process in each database, and keeps connections between the nodes.
        let end = "ALTER DATABASE $NAME ALLOW_CONNECTIONS false;
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$NAME'";
        maintenance(&end.replace("$NAME", &name)).await;
    }
    let gone = "DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE datname = '$NAME') \
                LOOP PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$";
    maintenance(&gone.replace("$NAME", &name)).await;
    name
}

/// Runs a statement in the database `postgres` of each server.
async fn maintenance(statement: &str) {
    for url in citus::urls("postgres") {
        let client = open(&url.parse().unwrap()).await;
        client.batch_execute(statement).await.unwrap();
    }
}

async fn connect(database: &str) -> Client {
    let mut config: Config = environment("RUNMETA_TEST_URL").parse().unwrap();
    open(config.dbname(database)).await
}

async fn open(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    // It ends with an error where a test ends the server's side on purpose; what that means shows at the client.
    tokio::spawn(async { drop(connection.await) });
    client
}

/// Makes a name that no other test has, nor an earlier run on the same server.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}_{}_{count}", process::id())
}
