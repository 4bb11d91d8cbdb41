//! A server that agrees on encryption, without a word of Postgres before or after, and then goes away.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use rcgen::KeyPair;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};
use tokio::task::{JoinHandle, spawn_blocking};

/// A server for one connection.
pub struct Impostor {
    /// Where a client meets it.
    pub url: String,
    /// The protocol that was agreed on, if anything was.
    pub agreed: JoinHandle<io::Result<Option<Vec<u8>>>>,
}

impl Impostor {
    /// Awaits a client with this certificate, and this key whether it is the certificate's or not.
    pub fn new(
        certificate: &[u8],
        key: &KeyPair,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
        let certificate = CertificateDer::from(certificate.to_vec());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(
                vec![certificate],
                key,
            ))));
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let agreed = spawn_blocking(move || {
            let (mut socket, _) = listener.accept()?;
            let mut connection =
                ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
            while connection.is_handshaking() {
                connection.complete_io(&mut socket)?;
            }
            Ok(connection.alpn_protocol().map(<[u8]>::to_vec))
        });
        Self {
            url: format!("postgres://u@127.0.0.1:{port}/d?sslmode=require&sslnegotiation=direct"),
            agreed,
        }
    }
}
