//! A Citus cluster for one test, whose nodes are to be stopped and started.

use runmeta_migrations::{Layout, distribute, migrate};

use super::OwnServer;

/// How many nodes there are, the coordinator included.
const NODES: usize = 3;

/// A coordinator and two workers that only one test uses.
pub struct OwnCluster {
    nodes: Vec<OwnServer>,
}

impl OwnCluster {
    /// Starts the nodes with a migrated database `postgres` whose runs are distributed. Returns none where there is no Citus.
    pub async fn start() -> Option<Self> {
        std::env::var("RUNMETA_CITUS_NODES").ok()?;
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            nodes.push(node().await);
        }
        let coordinator = nodes[0].connect("postgres").await;
        let mut join = "SELECT citus_set_coordinator_host(".to_owned();
        for node in &nodes {
            let socket = node.folder_of_socket();
            let call = format!("{join}'{socket}', 5432)");
            coordinator.batch_execute(&call).await.unwrap();
            join = "SELECT citus_add_node(".to_owned();
        }
        let mut client = nodes[0].connect("postgres").await;
        migrate(&mut client).await.unwrap();
        distribute(&mut client, Layout::Citus(8)).await.unwrap();
        Some(Self { nodes })
    }

    /// Returns its nodes, the coordinator first.
    pub fn nodes(&self) -> &[OwnServer] {
        &self.nodes
    }
}

async fn node() -> OwnServer {
    let folder = OwnServer::folder();
    let socket = folder.canonicalize().unwrap().join("socket");
    // What a crash in the middle of a commit leaves prepared keeps its locks until it is recovered, a minute by default.
    let settings = format!(
        "shared_preload_libraries = 'citus, runmeta'
        citus.local_hostname = '{}'
        citus.node_conninfo = 'sslmode=prefer'
        citus.recover_2pc_interval = '1s'
        max_prepared_transactions = 200
        shared_buffers = '64MB'",
        socket.display()
    );
    let node = OwnServer::start_bare(folder, 5432, &settings).await;
    let create = "SET client_min_messages = error; CREATE EXTENSION citus";
    let client = node.connect("postgres").await;
    client.batch_execute(create).await.unwrap();
    node
}
