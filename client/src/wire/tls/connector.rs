//! What encrypts connections as a URL demands.

use std::error::Error as StdError;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::provider::provider;
use super::verifier::AnyHost;
use crate::Error;
use crate::wire::address::{Encryption, Trust};

/// Encrypts with a configuration of rustls.
pub(crate) fn of_config(mut config: ClientConfig) -> MakeRustlsConnect {
    // As libpq does since 17. With `sslnegotiation=direct` servers require it.
    if config.alpn_protocols.is_empty() {
        config.alpn_protocols.push(b"postgresql".to_vec());
    }
    MakeRustlsConnect::new(config)
}

/// Encrypts as demanded. Reads the files that are named.
pub(crate) fn connector(demanded: &Encryption) -> Result<MakeRustlsConnect, Error> {
    let provider = provider();
    let verifier: Arc<dyn ServerCertVerifier> = match demanded.trust {
        Trust::TheHost => verifier(demanded, &provider)?,
        trust => Arc::new(AnyHost {
            signed: match trust {
                Trust::Anyone => None,
                _ => Some(verifier(demanded, &provider)?),
            },
            algorithms: provider.signature_verification_algorithms,
        }),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS", error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match &demanded.identity {
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
    Ok(of_config(config))
}

fn verifier(
    demanded: &Encryption,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let roots = Arc::new(roots(demanded.roots.as_deref())?);
    WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
        .build()
        .map_err(|error| unusable("the root certificates", error))
}

/// Reads the root certificates of a file, or the system's.
fn roots(path: Option<&str>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let Some(path) = path else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return match roots.is_empty() {
            true => Err(Error::settings(
                "this system has no root certificates: install them, or name a file with sslrootcert",
                None,
            )),
            false => Ok(roots),
        };
    };
    for certificate in certificates("sslrootcert", path)? {
        roots
            .add(certificate)
            .map_err(|error| unusable("a certificate of sslrootcert", error))?;
    }
    Ok(roots)
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
        // Its own text begins with the same again.
        pem::Error::Io(error) => {
            Error::settings(format!("{file} cannot be read"), Some(Box::new(error)))
        }
        error => Error::settings(format!("{file} cannot be read"), Some(Box::new(error))),
    }
}

fn unusable(what: &str, error: impl StdError + Send + Sync + 'static) -> Error {
    Error::settings(format!("{what} cannot be used"), Some(Box::new(error)))
}
