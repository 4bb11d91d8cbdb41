//! Tells cargo that a file added to `sql/` changes the crate: `embed_migrations!`
//! notices changed files by itself, but not new ones.

fn main() {
    println!("cargo:rerun-if-changed=sql");
}
