//! The layout in which the tests have their tables: `RUNMETA_TEST_LAYOUT` is `plain`, `split`, `partitions` or `citus`.
//!
//! Some tests insert runs by hand, to have many at once or some that `start` makes none of. Where runs are found through a table of
//! their roots, they have to be registered there.

use runmeta_migrations::{Layout, distribute};
use tokio_postgres::Client;

/// Returns true if runs lie in several tables.
pub fn is_partitioned() -> bool {
    matches!(wanted(), Layout::Partitions(_))
}

fn wanted() -> Layout {
    match std::env::var("RUNMETA_TEST_LAYOUT").as_deref() {
        Err(_) | Ok("plain") => Layout::Plain,
        Ok("split") => Layout::Split,
        Ok("partitions") => Layout::Partitions(3),
        Ok("citus") => Layout::Citus(0),
        Ok(other) => {
            panic!("RUNMETA_TEST_LAYOUT is {other}, not plain, split, partitions or citus")
        }
    }
}

/// Returns true if runs lie on several servers.
pub fn is_citus() -> bool {
    matches!(wanted(), Layout::Citus(_))
}

/// Returns true if runs are found through a table of their roots.
pub fn is_split() -> bool {
    wanted() != Layout::Plain
}

/// Lays out the tables of a database that was just migrated. On a server that is none of the cluster they stay as they are.
pub async fn apply(client: &mut Client) {
    let is_member = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')";
    let is_apart = is_citus() && {
        let row = client.query_one(is_member, &[]).await.unwrap();
        !row.get::<_, bool>(0)
    };
    if is_split() && !is_apart {
        distribute(client, wanted()).await.unwrap();
    }
}

/// Has runs that this test inserts or deletes by hand registered and forgotten. To be called before that.
pub async fn by_hand(client: &Client) {
    client.batch_execute(by_hand_sql()).await.unwrap();
}

/// Returns the statements that do so.
pub fn by_hand_sql() -> &'static str {
    match is_split() {
        true => BY_HAND,
        false => "",
    }
}

/// Deletes the runs for which a condition on the id holds, as somebody does by hand who knows the layout. For tests that have no
/// triggers for it, which distributed tables do not take.
pub async fn delete_by_hand(client: &Client, condition: &str) {
    let mut delete = format!("DELETE FROM runmeta.run WHERE {condition};");
    if is_split() {
        delete += &format!("DELETE FROM runmeta.run_root WHERE {condition}");
    }
    client.batch_execute(&delete).await.unwrap();
}

/// What the functions do comes before: they register a run before it is inserted, and forget it before it is deleted.
const BY_HAND: &str = "
    CREATE FUNCTION public.by_hand() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO pg_catalog, pg_temp AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO runmeta.run_root VALUES (NEW.id, NEW.root_id, NEW.parent_id) ON CONFLICT DO NOTHING;
        ELSIF TG_OP = 'DELETE' THEN
            DELETE FROM runmeta.run_root WHERE id = OLD.id;
        ELSE
            DELETE FROM runmeta.run_root;
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER by_hand AFTER INSERT OR DELETE ON runmeta.run FOR EACH ROW EXECUTE FUNCTION public.by_hand();
    CREATE TRIGGER by_hand_all AFTER TRUNCATE ON runmeta.run EXECUTE FUNCTION public.by_hand();";
