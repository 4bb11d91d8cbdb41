//! A database of a Citus cluster for one test, gone when the test ends.

use std::ops::Range;

use tokio::sync::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio_postgres::config::Config;
use tokio_postgres::{Client, NoTls};

use super::database::unique;
use super::environment;
use super::program::{merged_output, postgres_program};

/// Roles are those of whole servers: a test whose roles do not reach a node keeps others from distributing tables meanwhile.
static ROLES: RwLock<()> = RwLock::const_new(());

/// What a test holds of [`ROLES`] until it ends.
#[expect(dead_code, reason = "dropping it is its use")]
enum Guard {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

/// A database on each node of the cluster that `scripts/with-citus` has started.
pub struct Cluster {
    name: String,
    folders: Vec<String>,
    _roles: Guard,
}

impl Cluster {
    /// Makes the database on each node, joined to a cluster and without runmeta. Returns none where there is no Citus.
    pub async fn new() -> Option<Self> {
        let cluster = Self::apart().await?;
        cluster.join(0..cluster.folders.len()).await;
        Some(cluster)
    }

    /// As [`new`](Self::new), for a test that has roles of which other tests are to know nothing.
    pub async fn alone() -> Option<Self> {
        let cluster = Self::made(Guard::Alone(ROLES.write().await)).await?;
        cluster.join(0..cluster.folders.len()).await;
        Some(cluster)
    }

    /// Makes the database on each node, none of which knows of the others or of Citus.
    pub async fn apart() -> Option<Self> {
        Self::made(Guard::Shared(ROLES.read().await)).await
    }

    async fn made(roles: Guard) -> Option<Self> {
        let folders = std::env::var("RUNMETA_CITUS_NODES").ok()?;
        let cluster = Self {
            name: unique("runmeta_cluster"),
            folders: folders.split(' ').map(str::to_owned).collect(),
            _roles: roles,
        };
        for node in 0..cluster.folders.len() {
            let maintenance = open(&cluster.config(node, "postgres")).await;
            // Citus would have it made on the other nodes, where this makes it too.
            let create = format!("CREATE DATABASE {} TEMPLATE template0", cluster.name);
            maintenance.batch_execute(&create).await.unwrap();
        }
        Some(cluster)
    }

    /// Has nodes join the cluster. Citus sets the roles on a node that joins, which fails where two do it at once.
    pub async fn join(&self, nodes: Range<usize>) {
        static JOINING: Mutex<()> = Mutex::const_new(());
        let _alone = JOINING.lock().await;
        for node in nodes.clone() {
            let create = "SET client_min_messages = error; CREATE EXTENSION citus";
            self.connect(node)
                .await
                .batch_execute(create)
                .await
                .unwrap();
        }
        let coordinator = self.connect(0).await;
        for node in nodes {
            coordinator
                .batch_execute(&self.joining(node))
                .await
                .unwrap();
        }
    }

    /// Returns the statement by which the coordinator knows of a node.
    pub fn joining(&self, node: usize) -> String {
        let host = format!("{}/socket", self.folders[node]);
        match node {
            0 => format!("SELECT citus_set_coordinator_host('{host}', 5432)"),
            _ => format!("SELECT citus_add_node('{host}', 5432)"),
        }
    }

    /// Has a node let nobody into the database.
    pub async fn close(&self, node: usize) {
        let maintenance = open(&self.config(node, "postgres")).await;
        let close = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name);
        maintenance.batch_execute(&close).await.unwrap();
    }

    /// Returns the name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Connects to a node as the superuser. The coordinator is the first.
    pub async fn connect(&self, node: usize) -> Client {
        open(&self.config(node, &self.name)).await
    }

    /// Connects to the coordinator as `role`.
    pub async fn connect_as(&self, role: &str) -> Client {
        let mut config = self.config(0, &self.name);
        open(config.user(role)).await
    }

    /// Returns the superuser's URL of the coordinator, for programs.
    pub fn url(&self) -> String {
        self.node_url(0, &self.name)
    }

    fn node_url(&self, node: usize, database: &str) -> String {
        let config = self.config(node, database);
        let folder = self.folders[node].replace('/', "%2F");
        format!(
            "postgresql://{}@{folder}%2Fsocket/{database}",
            config.get_user().unwrap()
        )
    }

    fn config(&self, node: usize, database: &str) -> Config {
        let mut config = Config::new();
        let url: Config = environment("RUNMETA_TEST_URL").parse().unwrap();
        config
            .host_path(format!("{}/socket", self.folders[node]))
            .user(url.get_user().unwrap())
            .dbname(database);
        config
    }
}

impl Drop for Cluster {
    /// Goes through psql, because the test's runtime may be on its way out.
    fn drop(&mut self) {
        for node in 0..self.folders.len() {
            let mut psql = postgres_program("psql");
            psql.args(["--no-psqlrc", "--quiet", &self.node_url(node, "postgres")]);
            let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            let (output, _) = merged_output(psql, &drop);
            if !output.is_empty() {
                eprintln!("{drop}: {output}");
            }
        }
    }
}

async fn open(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(async { drop(connection.await) });
    client
}
