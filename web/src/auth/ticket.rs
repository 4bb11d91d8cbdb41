//! Tickets: what an `EventSource` puts into its URL instead of a key.

/// The member `purpose` of a ticket's claims.
pub(crate) const PURPOSE: &str = "runmeta-ticket";
