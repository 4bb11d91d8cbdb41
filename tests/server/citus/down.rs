//! What the program finds while a node does not answer.

use crate::cli::program;
use crate::harness::{OwnCluster, merged_output};

#[tokio::test]
async fn program_names_the_node_that_does_not_answer() {
    let Some(cluster) = OwnCluster::start().await else {
        return;
    };
    let url = cluster.nodes()[0].url();
    cluster.nodes()[2].stop().await;
    let name = cluster.nodes()[2].folder_of_socket();
    let output = |arguments: &[&str]| {
        let mut program = program();
        program.args(arguments).args(["--database-url", url]);
        merged_output(program, "").0
    };
    let status = output(&["distribute", "--status"]);
    let node = format!("node    {name}:5432\n        cannot be asked: ");
    assert!(status.contains(&node), "{status}");
    assert!(status.contains("runs were not compared"), "{status}");
    let found = output(&["doctor"]);
    let node = format!("Node {name}:5432 does not answer: ");
    assert!(found.contains(&node), "{found}");
}
