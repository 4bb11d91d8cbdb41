//! The words for a status, ours and Trigger.dev's.
