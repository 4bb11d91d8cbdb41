//! Whether changes of jobs wait for their runs, as far as shared memory shows: counters by a hash of the run, beside those of
//! the [inbox](crate::inbox::waiting). While no job changes, that nothing waits is one number to read.

pub use crate::inbox::waiting::{
    add_job as add, any_job as any, followed, is_counted, job_waits as waits_for, jobs_of,
};
