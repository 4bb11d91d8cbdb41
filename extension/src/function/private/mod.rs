//! Functions that the extension's own SQL calls. Their names in SQL begin with an underscore, and their declarations
//! are in `sql/private/`.

mod apply_in_shard;
mod apply_lists;
mod await_commits;
mod changed_bound;
mod changed_document;
mod check_contract;
mod depth_first;
mod diagnose;
mod is_distributed;
mod is_schema;
mod is_split;
mod keep_histories;
mod last_change;
mod live_metadata;
mod live_version;
mod noted;
mod panic_for_tests;
mod recent_rate;
mod record_change;
mod record_jobs;
mod root_of;
mod value_at;
mod worker_state;
