//! The nodes of a Citus cluster, where the tests have their tables distributed: `scripts/with-citus` starts them.
//!
//! A database of a test is one on each node, and so is a role. What the tests grant a role on the coordinator, it is to have on the
//! other nodes too, to which Citus connects in its name.

use tokio_postgres::{Client, NoTls};

use super::environment;
use super::layout::is_citus;
use super::program::{merged_output, postgres_program};

/// Returns the URLs of a database of each node, that of the coordinator first; or that of the only server.
pub fn urls(database: &str) -> Vec<String> {
    let url = environment("RUNMETA_TEST_URL");
    let (server, _) = url.rsplit_once('/').expect("a URL with a database");
    if !is_citus() {
        return vec![format!("{server}/{database}")];
    }
    // What a test does on a node is not done on the others by Citus too.
    let options = "options=-c%20citus.enable_ddl_propagation%3Doff";
    let (user, _) = server.split_once('@').expect("a URL with a user");
    let of_node = |folder: &str| {
        let socket = format!("{folder}/socket").replace('/', "%2F");
        format!("{user}@{socket}/{database}?{options}")
    };
    let nodes = environment("RUNMETA_CITUS_NODES");
    nodes.split(' ').map(of_node).collect()
}

/// Runs a statement in the database `postgres` of each node, and returns what psql prints.
///
/// Goes through psql, because the test's runtime may be on its way out.
pub fn on_each_node(statement: &str) -> String {
    let output = |url: String| {
        let mut psql = postgres_program("psql");
        psql.args(["--no-psqlrc", "--quiet", &url]);
        merged_output(psql, statement).0
    };
    urls("postgres").into_iter().map(output).collect()
}

/// Makes a cluster of the databases of this name, which are empty.
pub async fn join(database: &str) {
    let urls = urls(database);
    for url in &urls {
        run(url, "CREATE EXTENSION citus").await;
    }
    let nodes = environment("RUNMETA_CITUS_NODES");
    let mut addresses = nodes
        .split(' ')
        .map(|folder| format!("'{folder}/socket', 5432"));
    let coordinator = addresses.next().unwrap_or_default();
    let mut statements = format!("SELECT citus_set_coordinator_host({coordinator});");
    for node in addresses {
        statements += &format!("SELECT citus_add_node({node});");
    }
    run(&urls[0], &statements).await;
}

/// Has a role be a member of what it is a member of on the coordinator, on the other nodes too.
pub async fn give_memberships(role: &str) {
    let urls = urls("postgres");
    let (coordinator, others) = urls.split_first().expect("there is a server");
    if others.is_empty() {
        return;
    }
    let query = "
        SELECT coalesce(string_agg(format('GRANT %I TO %I', r.rolname, m.rolname), '; '), '')
        FROM pg_auth_members AS a
        JOIN pg_roles AS r ON r.oid = a.roleid
        JOIN pg_roles AS m ON m.oid = a.member
        WHERE m.rolname = $1";
    let row = open(coordinator).await.query_one(query, &[&role]).await;
    let grants: String = row.unwrap().get(0);
    for url in others {
        run(url, &grants).await;
    }
}

async fn run(url: &str, statements: &str) {
    open(url).await.batch_execute(statements).await.unwrap();
}

async fn open(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(async { drop(connection.await) });
    client
}
