//! The background worker of the database, which folds the inbox and announces changes.

use crate::settings;

/// Returns true if a worker lives in this database, so that what is queued will be folded soon.
pub fn lives() -> bool {
    settings::stub_worker()
}
