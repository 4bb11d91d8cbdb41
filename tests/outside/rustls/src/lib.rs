//! Depending on `runmeta-client` leaves a program the provider that its own rustls has.
//!
//! rustls chooses one by itself only if no other is compiled into the program.

#![cfg(test)]
#![allow(clippy::unwrap_used)]

#[test]
fn rustls_still_chooses_its_provider_by_itself() {
    rustls::ClientConfig::builder();
}

#[test]
fn client_encrypts_with_that_provider() {
    runmeta_client::tls::from_url("host=db.example sslmode=require").unwrap();
}
