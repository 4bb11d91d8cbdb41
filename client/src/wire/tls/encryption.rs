//! What a URL demands of an encryption.

use std::error::Error as StdError;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;

use super::Connector;
use super::parameters::Parameters;
use super::verifier::AnyHost;
use crate::Error;

/// What is demanded. By default nothing of the server's certificate.
#[derive(Default)]
pub(crate) struct Encryption {
    trust: Trust,
    /// A file of root certificates; none for the system's.
    roots: Option<String>,
    /// Files of the client's certificate and its key.
    identity: Option<(String, String)>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Trust {
    #[default]
    Anyone,
    /// Whoever has a certificate that a root signed.
    AnyHost,
    TheHost,
}

impl Encryption {
    /// Reads what a URL says; `tokio-postgres` has to know only whether there is to be encryption at all.
    pub(crate) fn new(parameters: Parameters) -> Result<(SslMode, Encryption), Error> {
        let refused = |message| Err(Error::settings(message, None));
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let roots = given(parameters.root_certificate);
        let system = roots.as_deref() == Some("system");
        let (mode, trust) = match parameters.mode.as_deref() {
            Some("verify-full") => (SslMode::Require, Trust::TheHost),
            None if system => (SslMode::Require, Trust::TheHost),
            Some("disable" | "prefer" | "require" | "verify-ca") if system => {
                return refused("with sslrootcert=system, sslmode must be verify-full");
            }
            Some("disable") => (SslMode::Disable, Trust::Anyone),
            Some("verify-ca") => (SslMode::Require, Trust::AnyHost),
            Some("require") if roots.is_some() => (SslMode::Require, Trust::AnyHost),
            Some("require") => (SslMode::Require, Trust::Anyone),
            Some("prefer") | None if roots.is_some() => (SslMode::Prefer, Trust::AnyHost),
            Some("prefer") | None => (SslMode::Prefer, Trust::Anyone),
            // Not which it is: a mistake may have put anything there.
            Some(_) => {
                return refused(
                    "the sslmode must be disable, prefer, require, verify-ca or verify-full",
                );
            }
        };
        let identity = match (given(parameters.certificate), given(parameters.key)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return refused("a certificate in sslcert and its key in sslkey go together"),
        };
        let encryption = Encryption {
            trust,
            roots: roots.filter(|_| !system),
            identity,
        };
        Ok((mode, encryption))
    }

    /// Reads the files, if connections of this mode will need them.
    pub(crate) fn connector(self, mode: SslMode) -> Result<Connector, Error> {
        let encryption = match mode {
            SslMode::Disable => Encryption::default(),
            _ => self,
        };
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let verifier: Arc<dyn ServerCertVerifier> = match encryption.trust {
            Trust::Anyone => Arc::new(AnyHost {
                roots: None,
                algorithms,
            }),
            Trust::AnyHost => Arc::new(AnyHost {
                roots: Some(encryption.roots()?),
                algorithms,
            }),
            Trust::TheHost => {
                let roots = encryption.roots()?;
                WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
                    .build()
                    .map_err(|error| unusable("the root certificates", error))?
            }
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable("TLS", error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match &encryption.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates("sslcert", certificate)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| unreadable("sslkey", key, error))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| unusable("the certificate of sslcert", error))?
            }
        };
        Ok(config.into())
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, Error> {
        let mut roots = RootCertStore::empty();
        let Some(path) = &self.roots else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            return match roots.is_empty() {
                true => Err(Error::settings(
                    "this system has no root certificates: install them, or name a file with sslrootcert",
                    None,
                )),
                false => Ok(Arc::new(roots)),
            };
        };
        for certificate in certificates("sslrootcert", path)? {
            roots
                .add(certificate)
                .map_err(|error| unusable("a certificate of sslrootcert", error))?;
        }
        Ok(Arc::new(roots))
    }
}

/// Reads the certificates of a file, at least one.
fn certificates(parameter: &str, path: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    match read() {
        Ok(certificates) if certificates.is_empty() => {
            Err(unreadable(parameter, path, pem::Error::NoItemsFound))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unreadable(parameter, path, error)),
    }
}

fn unreadable(parameter: &str, path: &str, error: pem::Error) -> Error {
    let file = format!("the file of {parameter}, \"{}\",", path.escape_debug());
    match error {
        pem::Error::NoItemsFound if parameter == "sslkey" => {
            Error::settings(format!("{file} has no unencrypted key in PEM form"), None)
        }
        pem::Error::NoItemsFound => {
            Error::settings(format!("{file} has no certificate in PEM form"), None)
        }
        // Its own words begin with the same again.
        pem::Error::Io(error) => {
            Error::settings(format!("{file} cannot be read"), Some(Box::new(error)))
        }
        error => Error::settings(format!("{file} cannot be read"), Some(Box::new(error))),
    }
}

fn unusable(what: &str, error: impl StdError + Send + Sync + 'static) -> Error {
    Error::settings(format!("{what} cannot be used"), Some(Box::new(error)))
}
