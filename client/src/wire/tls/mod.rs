//! How connections are encrypted.
//!
//! With the feature `tokio-postgres`, `from_url` makes connections of your own from the same URL.
//!
//! # What is checked
//!
//! `sslmode` means what it means in libpq:
//!
//! | `sslmode` | encrypted | the certificate must be signed by a root | and be for this host |
//! |---|---|---|---|
//! | `disable` | no | | |
//! | `prefer`, the default | if the server supports it | if `sslrootcert` names a file | no |
//! | `require` | yes | if `sslrootcert` names a file | no |
//! | `verify-ca` | yes | yes | no |
//! | `verify-full` | yes | yes | yes |
//!
//! So `require` alone protects against eavesdropping, but not against another server that answers in place of yours. It is
//! common with managed Postgres whose certificates are signed by a private authority. Only `verify-full` proves that the
//! server is the one in the URL.
//!
//! - `sslrootcert=PATH` names a file of root certificates in PEM form. The default is the system's roots (`SSL_CERT_FILE`
//!   selects others), where libpq reads `~/.postgresql/root.crt`.
//! - `sslrootcert=system` also selects the system's roots, makes `verify-full` the default, and rejects any weaker mode.
//! - `sslcert=PATH` and `sslkey=PATH` name the client's own certificate, followed by those that signed it, and its unencrypted
//!   key.
//! - `channel_binding=require` rejects a server that does not prove that it knows the password on this very connection.
//! - Unix sockets are never encrypted, whatever the `sslmode`.
//! - `sslmode=allow` is not supported. With `prefer`, a failed handshake is an error; libpq would continue unencrypted.
//!
//! # When a certificate is rejected
//!
//! | error | mend |
//! |---|---|
//! | `UnknownIssuer` | No trusted root signed it. Name its authority with `sslrootcert`. |
//! | `certificate not valid for name …` | The certificate needs the host as a subject alternative name; the common name does not count. |
//! | `CaUsedAsEndEntity` | It is the certificate of an authority (`CA:TRUE`), as `openssl req -x509` makes them. Sign one for the server with it. |
//! | `UnsupportedCertVersion` | Only version 3 is supported, also where nothing else is checked. `openssl x509 -req` of OpenSSL before 3.2 makes version 1 without `-extfile`. |

mod connector;
mod provider;
mod verifier;

pub(crate) use connector::{connector, of_config};
pub use rustls;
#[cfg(feature = "tokio-postgres")]
pub use tokio_postgres_rustls::MakeRustlsConnect;

/// Parses the URL of a database, or a string such as `host=/run/postgresql dbname=app`, into how to reach it and what encrypts
/// the connections: for what this crate has no method for, such as migrations, queries or `LISTEN`.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let url = "postgres://db.example/app?sslmode=verify-full&sslrootcert=/etc/db/ca.pem";
/// let (config, connector) = runmeta_client::tls::from_url(url)?;
/// let (client, connection) = config.connect(connector).await?;
/// tokio::spawn(connection);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If the URL is not valid, has an unknown parameter, or names a file that cannot be used. Neither the URL nor its password is
/// in the message.
#[cfg(feature = "tokio-postgres")]
pub fn from_url(url: &str) -> Result<(tokio_postgres::Config, MakeRustlsConnect), crate::Error> {
    let address = super::address::Address::parse(url)?;
    let connector = address.connector()?;
    Ok((address.config, connector))
}

#[cfg(test)]
mod tests {
    use crate::Error;
    use crate::wire::address::Address;

    fn parse(url: &str) -> Result<(), Error> {
        Address::parse(url)?.connector().map(drop)
    }

    #[test]
    fn file_that_cannot_be_used_is_explained() {
        for (url, expected) in [
            (
                "host=h sslrootcert=/none/ca.pem",
                "the file of sslrootcert, \"/none/ca.pem\", cannot be read: No such file or directory (os error 2)",
            ),
            (
                "host=h sslrootcert=/dev/null",
                "the file of sslrootcert, \"/dev/null\", has no certificate in PEM form",
            ),
            (
                "host=h sslcert=/dev/null sslkey=/none",
                "the file of sslcert, \"/dev/null\", has no certificate in PEM form",
            ),
        ] {
            let failure = parse(url).unwrap_err();
            assert_eq!(failure.to_string(), expected, "{url}");
        }
        // Nothing is read for a connection that is not encrypted.
        assert!(parse("host=/run sslmode=verify-full sslrootcert=/none").is_ok());
    }
}
