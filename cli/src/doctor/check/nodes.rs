//! Whether the nodes of a Citus cluster have what the coordinator has, where the tables are distributed.

use runmeta_migrations::Node;

use super::super::quantity::count;
use super::{Facts, Finding};

const CHECK: &str = "nodes";
const HINT: &str = "Run: runmeta migrate, on the coordinator. It makes what a node lacks; take away there what is too much.";

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    if facts.nodes.is_empty() {
        return None;
    }
    let details: Vec<String> = facts.nodes.iter().filter_map(detail).collect();
    if details.is_empty() {
        return Some(Finding::ok(
            CHECK,
            "the nodes of the cluster have what the coordinator has",
        ));
    }
    Some(
        Finding::problem(CHECK, "nodes of the cluster differ from the coordinator")
            .with_detail(details.join(" "))
            .with_hint(HINT),
    )
}

fn detail(node: &Node) -> Option<String> {
    if node.is_consistent() {
        return None;
    }
    let name = &node.name;
    if let Some(error) = &node.error {
        let error = error.lines().next().unwrap_or_default();
        return Some(format!("Node {name} does not answer: {error}."));
    }
    let mut facts = Vec::new();
    match &node.extension {
        None => facts.push("no extension".to_owned()),
        Some(version) if !node.has_same_version => facts.push(format!("version {version}")),
        Some(_) => {}
    }
    if node.missing_rights > 0 {
        let rights = count(node.missing_rights, "right");
        facts.push(format!("{rights} less"));
    }
    if node.excess_rights > 0 {
        let rights = count(node.excess_rights, "right");
        facts.push(format!("{rights} more"));
    }
    Some(format!("Node {name} has {}.", facts.join(", ")))
}

#[cfg(test)]
mod tests {
    use runmeta_migrations::Version;

    use super::*;

    fn node() -> Node {
        Node {
            name: "one:5432".to_owned(),
            error: None,
            extension: Some(Version::new("0.1.0")),
            has_same_version: true,
            shards: "run 4".to_owned(),
            missing_rights: 0,
            excess_rights: 0,
        }
    }

    fn found(nodes: Vec<Node>) -> Option<Finding> {
        check(&Facts {
            nodes,
            ..Facts::healthy()
        })
    }

    #[test]
    fn nodes_that_differ_are_named_with_what_they_have() {
        assert!(found(Vec::new()).is_none());
        assert_eq!(found(vec![node()]).unwrap().detail, None);
        let nodes = vec![
            node(),
            Node {
                missing_rights: 2,
                excess_rights: 1,
                ..node()
            },
            Node {
                extension: None,
                has_same_version: false,
                missing_rights: 70,
                ..node()
            },
            Node {
                error: Some("connection refused\nIs it running?".to_owned()),
                ..node()
            },
        ];
        insta::assert_snapshot!(found(nodes).unwrap().detail.unwrap(), @"Node one:5432 has 2 rights less, 1 right more. Node one:5432 has no extension, 70 rights less. Node one:5432 does not answer: connection refused.");
    }
}
