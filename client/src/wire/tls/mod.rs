//! Connections of your own to the database that a URL names, encrypted as the client's are.
//!
//! For what this crate has no call for, such as migrations, queries or `LISTEN`:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "postgres://db.example/app?sslmode=verify-full&sslrootcert=/etc/db/ca.pem";
//! let (config, connector) = runmeta_client::tls::from_url(url)?;
//! let (client, connection) = config.connect(connector).await?;
//! tokio::spawn(connection);
//! # Ok(())
//! # }
//! ```
//!
//! # What is checked
//!
//! `sslmode` means what it means in libpq:
//!
//! | `sslmode` | encrypted | certificate must be signed by a root | and be for this host |
//! |---|---|---|---|
//! | `disable` | no | | |
//! | `prefer`, the default | where the server can | if `sslrootcert` names a file | no |
//! | `require` | yes | if `sslrootcert` names a file | no |
//! | `verify-ca` | yes | yes | no |
//! | `verify-full` | yes | yes | yes |
//!
//! So `require` alone keeps out who listens, but not who answers in the server's place: managed Postgres is often reached
//! like this, with certificates that no system trusts. Only `verify-full` proves that the server is the one of the URL.
//!
//! - `sslrootcert=PATH` names a file of root certificates in PEM form. Without it the roots are the system's
//!   (`SSL_CERT_FILE` chooses others), where libpq would look for `~/.postgresql/root.crt`.
//! - `sslrootcert=system` takes the system's too, makes `verify-full` the default, and refuses any weaker mode.
//! - `sslcert=PATH` and `sslkey=PATH` name the client's own certificate, with those it is signed by, and its key, unencrypted.
//! - `channel_binding=require` refuses a server that does not prove to know the password over this very encryption.
//! - Sockets of the file system are never encrypted, whatever `sslmode` says.
//! - `sslmode=allow` does not exist here. A certificate needs the host as a subject alternative name, the common name
//!   does not count; that of an authority (`CA:TRUE`) is no server's.

mod connector;
mod encryption;
mod parameters;
mod verifier;

pub use connector::Connector;
pub(crate) use encryption::Encryption;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::Error;

/// Reads the URL of a database, or a string such as `host=/run/postgresql dbname=app`: how to reach it, and how to encrypt.
///
/// # Errors
///
/// If the URL cannot be read, has a parameter that is not known, or names a file that cannot be used. Neither the URL nor
/// its password is in the message.
pub fn from_url(url: &str) -> Result<(Config, Connector), Error> {
    let (config, encryption) = parse(url)?;
    let connector = encryption.connector(config.get_ssl_mode())?;
    Ok((config, connector))
}

/// Reads a URL without reading the files that it names.
pub(crate) fn parse(url: &str) -> Result<(Config, Encryption), Error> {
    let (rest, parameters) = parameters::take(url);
    let mut config: Config = rest.parse().map_err(|error| {
        Error::settings(
            "the database URL cannot be read",
            Some(Box::<tokio_postgres::Error>::new(error)),
        )
    })?;
    let (mode, encryption) = Encryption::new(parameters)?;
    config.ssl_mode(mode);
    if config.get_hosts().is_empty() {
        // An address is encrypted only if it has a name too.
        for address in config.get_hostaddrs().to_vec() {
            config.host(address.to_string());
        }
    }
    without_sockets(&mut config);
    Ok((config, encryption))
}

/// Takes encryption from sockets, where libpq ignores `sslmode` and no server has any.
pub(crate) fn without_sockets(config: &mut Config) {
    let socket = |host: &Host| !matches!(host, Host::Tcp(_));
    if !config.get_hosts().is_empty() && config.get_hosts().iter().all(socket) {
        config.ssl_mode(SslMode::Disable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        parse(url).unwrap().0.get_ssl_mode()
    }

    fn refusal(url: &str) -> String {
        from_url(url).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn mode_says_whether_there_is_encryption() {
        for (url, expected) in [
            ("postgres://h/d", SslMode::Prefer),
            ("postgres://h/d?sslmode=disable", SslMode::Disable),
            ("postgres://h/d?sslmode=prefer", SslMode::Prefer),
            ("postgres://h/d?sslmode=require", SslMode::Require),
            ("postgres://h/d?sslmode=verify-ca", SslMode::Require),
            ("postgres://h/d?sslmode=verify-full", SslMode::Require),
            ("sslmode = 'verify-full' host=h", SslMode::Require),
            ("host=h sslrootcert=system", SslMode::Require),
            ("postgres://h/d?sslrootcert=", SslMode::Prefer),
        ] {
            assert_eq!(mode(url), expected, "{url}");
        }
    }

    #[test]
    fn sockets_are_not_encrypted() {
        for (url, expected) in [
            ("host=/run sslmode=verify-full", SslMode::Disable),
            ("postgres://%2Frun/d?sslmode=require", SslMode::Disable),
            ("postgres:///d?host=/run&sslmode=require", SslMode::Disable),
            ("host=/run,h sslmode=require", SslMode::Require),
            ("hostaddr=127.0.0.1 sslmode=require", SslMode::Require),
        ] {
            assert_eq!(mode(url), expected, "{url}");
        }
        // Nothing is read for them either.
        assert!(from_url("host=/run sslmode=verify-full sslrootcert=/none").is_ok());
    }

    #[test]
    fn address_without_a_host_is_its_own_name() {
        let (config, _) = parse("hostaddr=127.0.0.1,::1").unwrap();
        let names = ["127.0.0.1", "::1"].map(|name| Host::Tcp(name.to_owned()));
        assert_eq!(config.get_hosts(), names);
    }

    #[test]
    fn what_cannot_be_used_is_refused_in_words() {
        for (url, expected) in [
            (
                "postgres://h/d?sslmode=allow",
                "the sslmode must be disable, prefer, require, verify-ca or verify-full",
            ),
            (
                "host=h sslmode=require sslrootcert=system",
                "with sslrootcert=system, sslmode must be verify-full",
            ),
            (
                "host=h sslcert=/c",
                "a certificate in sslcert and its key in sslkey go together",
            ),
            (
                "host=h sslrootcert=/none/ca.pem",
                "the file of sslrootcert, \"/none/ca.pem\", cannot be read: No such file or directory (os error 2)",
            ),
            (
                "host=h sslrootcert=/dev/null",
                "the file of sslrootcert, \"/dev/null\", has no certificate in PEM form",
            ),
            (
                "postgres://h/d?sslcrl=x",
                "the database URL cannot be read: unknown option `sslcrl`",
            ),
            (
                "host=h port=many",
                "the database URL cannot be read: invalid value for option `port`",
            ),
        ] {
            assert_eq!(refusal(url), expected, "{url}");
        }
    }
}
