//! The database that a URL names: how to reach it, and what is demanded of the encryption.
//!
//! [`tls`](crate::tls) documents what the parameters mean.

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::parameters::{self, Parameters};
use crate::Error;

/// Encrypts connections.
#[cfg(feature = "_tls")]
pub(crate) type Connector = tokio_postgres_rustls::MakeRustlsConnect;
/// Encrypts nothing: the feature `tls` does.
#[cfg(not(feature = "_tls"))]
pub(crate) type Connector = tokio_postgres::NoTls;

/// A database.
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) encryption: Encryption,
}

/// What is demanded of an encryption. By default nothing of the server's certificate.
#[derive(Default)]
#[cfg_attr(
    not(feature = "_tls"),
    expect(dead_code, reason = "nothing is encrypted")
)]
pub(crate) struct Encryption {
    pub(crate) trust: Trust,
    /// A file of root certificates; none for the system's.
    pub(crate) roots: Option<String>,
    /// Files of the client's certificate and its key.
    pub(crate) identity: Option<(String, String)>,
}

/// Which servers are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Trust {
    /// Any.
    #[default]
    Anyone,
    /// Those whose certificate was signed by a root, whatever host it is for.
    AnyHost,
    /// Those whose certificate was signed by a root for this host.
    TheHost,
}

impl Address {
    /// Parses a URL, or a string such as `host=/run/postgresql dbname=app`. Reads no files.
    pub(crate) fn parse(url: &str) -> Result<Address, Error> {
        if let Some((scheme, _)) = url.split_once("://")
            && !matches!(scheme, "postgres" | "postgresql")
        {
            return Err(Error::settings(
                "the database URL does not begin with postgres://",
                None,
            ));
        }
        let (rest, parameters) = parameters::take(url);
        let mut config: Config = rest.parse().map_err(|error| {
            Error::settings(
                "the database URL cannot be read",
                Some(Box::<tokio_postgres::Error>::new(error)),
            )
        })?;
        let (mode, encryption) = Encryption::demanded(parameters)?;
        config.ssl_mode(mode);
        if config.get_hosts().is_empty() {
            // An address is encrypted only if it has a name too.
            for address in config.get_hostaddrs().to_vec() {
                config.host(address.to_string());
            }
        }
        if config.get_hosts().is_empty() {
            return Err(Error::settings("the database URL names no host", None));
        }
        Ok(Address { config, encryption }.without_sockets())
    }

    /// Takes a configuration of `tokio-postgres`, which demands nothing of a certificate.
    #[cfg(feature = "tokio-postgres")]
    pub(crate) fn of(config: Config) -> Address {
        let encryption = Encryption::default();
        Address { config, encryption }.without_sockets()
    }

    /// Turns encryption off for sockets of the file system, as libpq does: no server encrypts them.
    fn without_sockets(mut self) -> Address {
        let hosts = self.config.get_hosts();
        if !hosts.is_empty() && hosts.iter().all(|host| !matches!(host, Host::Tcp(_))) {
            self.config.ssl_mode(SslMode::Disable);
        }
        self
    }

    /// Returns how many hosts are named.
    pub(crate) fn hosts(&self) -> usize {
        self.config
            .get_hosts()
            .len()
            .max(self.config.get_hostaddrs().len())
    }

    /// Returns what encrypts its connections. Reads the files that the URL names, if it is encrypted.
    #[cfg(feature = "_tls")]
    pub(crate) fn connector(&self) -> Result<Connector, Error> {
        match self.config.get_ssl_mode() {
            SslMode::Disable => super::tls::connector(&Encryption::default()),
            _ => super::tls::connector(&self.encryption),
        }
    }

    /// Returns what encrypts nothing.
    #[cfg(not(feature = "_tls"))]
    pub(crate) fn connector(&self) -> Result<Connector, Error> {
        match self.config.get_ssl_mode() {
            SslMode::Disable => Ok(tokio_postgres::NoTls),
            SslMode::Require => Err(Error::settings(
                "encryption is required, but runmeta-client was built without the feature tls",
                None,
            )),
            _ if self.encryption.trust != Trust::Anyone => Err(Error::settings(
                "certificates cannot be checked: runmeta-client was built without the feature tls",
                None,
            )),
            _ => Ok(tokio_postgres::NoTls),
        }
    }
}

impl Encryption {
    /// Returns what the parameters demand, and the mode for `tokio-postgres`, which has to know only whether to encrypt.
    fn demanded(parameters: Parameters) -> Result<(SslMode, Encryption), Error> {
        let invalid = |message| Err(Error::settings(message, None));
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let roots = given(parameters.root_certificate);
        let system = roots.as_deref() == Some("system");
        let (mode, trust) = match parameters.mode.as_deref() {
            Some("verify-full") => (SslMode::Require, Trust::TheHost),
            None if system => (SslMode::Require, Trust::TheHost),
            Some("disable" | "prefer" | "require" | "verify-ca") if system => {
                return invalid("with sslrootcert=system, sslmode must be verify-full");
            }
            Some("disable") => (SslMode::Disable, Trust::Anyone),
            Some("verify-ca") => (SslMode::Require, Trust::AnyHost),
            Some("require") if roots.is_some() => (SslMode::Require, Trust::AnyHost),
            Some("require") => (SslMode::Require, Trust::Anyone),
            Some("prefer") | None if roots.is_some() => (SslMode::Prefer, Trust::AnyHost),
            Some("prefer") | None => (SslMode::Prefer, Trust::Anyone),
            // Without the value: by mistake it may be anything, a password too.
            Some(_) => {
                return invalid(
                    "the sslmode must be disable, prefer, require, verify-ca or verify-full",
                );
            }
        };
        let identity = match (given(parameters.certificate), given(parameters.key)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return invalid("a certificate in sslcert and its key in sslkey go together"),
        };
        let encryption = Encryption {
            trust,
            roots: roots.filter(|_| !system),
            identity,
        };
        Ok((mode, encryption))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        Address::parse(url).unwrap().config.get_ssl_mode()
    }

    fn failure(url: &str) -> String {
        let connector = Address::parse(url).and_then(|address| address.connector());
        connector.map(drop).unwrap_err().to_string()
    }

    #[test]
    fn an_address_of_another_kind_or_of_nobody_is_not_retried() {
        for (url, message) in [
            (
                "mysql://h/d",
                "the database URL does not begin with postgres://",
            ),
            ("", "the database URL names no host"),
            ("dbname=d", "the database URL names no host"),
        ] {
            let error = Address::parse(url).map(drop).unwrap_err();
            assert_eq!(
                (error.to_string().as_str(), error.is_retryable()),
                (message, false)
            );
        }
    }

    #[test]
    fn mode_decides_whether_there_is_encryption() {
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
    }

    #[test]
    fn address_without_a_host_is_its_own_name() {
        let config = Address::parse("hostaddr=127.0.0.1,::1").unwrap().config;
        let names = ["127.0.0.1", "::1"].map(|name| Host::Tcp(name.to_owned()));
        assert_eq!(config.get_hosts(), names);
    }

    #[test]
    fn hosts_of_all_forms_are_counted() {
        for (url, hosts) in [
            ("postgres://h/d", 1),
            ("postgres://a,b:5433,c/d", 3),
            ("host=/run,b", 2),
            ("hostaddr=127.0.0.1,::1", 2),
        ] {
            assert_eq!(Address::parse(url).unwrap().hosts(), hosts, "{url}");
        }
    }

    #[test]
    fn parameter_that_cannot_be_used_is_explained() {
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
                "postgres://h/d?sslcrl=x",
                "the database URL cannot be read: unknown option `sslcrl`",
            ),
            (
                "host=h port=many",
                "the database URL cannot be read: invalid value for option `port`",
            ),
        ] {
            assert_eq!(failure(url), expected, "{url}");
        }
    }

    #[cfg(not(feature = "_tls"))]
    #[test]
    fn encryption_without_the_feature_is_an_error() {
        let required =
            "encryption is required, but runmeta-client was built without the feature tls";
        let checked =
            "certificates cannot be checked: runmeta-client was built without the feature tls";
        for (url, expected) in [
            ("postgres://h/d?sslmode=require", required),
            ("postgres://h/d?sslmode=verify-full", required),
            ("postgres://h/d?sslrootcert=/ca.pem", checked),
        ] {
            assert_eq!(failure(url), expected, "{url}");
        }
        assert!(
            Address::parse("postgres://h/d")
                .unwrap()
                .connector()
                .is_ok()
        );
    }
}
