//! What `tokio-postgres` encrypts with.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;

use rustls::{CertificateError, ClientConfig, OtherError};
use tokio_postgres::Socket;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

type Rustls = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;
type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// Encrypts connections, for `tokio_postgres::Config::connect`: as a URL says, or a rustls configuration of your own.
///
/// It is rustls's, with errors that say what is wrong with a certificate.
#[derive(Clone)]
pub struct Connector(MakeRustlsConnect);

impl Connector {
    /// Returns what encrypts other streams alike.
    pub(crate) fn rustls(&self) -> MakeRustlsConnect {
        self.0.clone()
    }
}

impl From<ClientConfig> for Connector {
    fn from(mut config: ClientConfig) -> Connector {
        // As libpq does since 17. Servers want it where `sslnegotiation=direct` begins without a word of Postgres.
        if config.alpn_protocols.is_empty() {
            config.alpn_protocols.push(b"postgresql".to_vec());
        }
        Connector(MakeRustlsConnect::new(config))
    }
}

impl MakeTlsConnect<Socket> for Connector {
    type Stream = Stream;
    type TlsConnect = Handshake;
    type Error = Infallible;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, Infallible> {
        MakeTlsConnect::<Socket>::make_tls_connect(&mut self.0, host).map(Handshake)
    }
}

/// An encryption that is about to be agreed on.
pub struct Handshake(Rustls);

impl TlsConnect<Socket> for Handshake {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        let handshake = self.0.connect(socket);
        Box::pin(async { handshake.await.map_err(explained) })
    }
}

/// Says in words what rustls has against a certificate.
fn explained(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    let Some(rustls::Error::InvalidCertificate(reason)) = cause else {
        return error;
    };
    let reason = match in_words(reason) {
        Some(words) => words.to_owned(),
        None => reason.to_string(),
    };
    io::Error::new(
        error.kind(),
        format!("the server's certificate is refused: {reason}"),
    )
}

/// Returns words for the reasons that rustls has none for.
fn in_words(reason: &CertificateError) -> Option<&'static str> {
    match reason {
        CertificateError::UnknownIssuer => {
            Some("no root certificate that is trusted here has signed it; sslrootcert names others")
        }
        CertificateError::Other(OtherError(reason)) => match reason.downcast_ref()? {
            webpki::Error::CaUsedAsEndEntity => {
                Some("it is the certificate of an authority (CA:TRUE), not of a server")
            }
            webpki::Error::UnsupportedCertVersion => {
                Some("it is not of version 3, which alone can be checked")
            }
            _ => None,
        },
        _ => None,
    }
}
