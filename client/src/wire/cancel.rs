//! Cancelling a statement.
//!
//! By hand, because `tokio-postgres` closes its side as soon as the request is written, and PgBouncer 1.18.0 to 1.19.0 then
//! exits with `FATAL … bad client state: 0`, for all its clients (its issue 801). Here, as in libpq, the socket is closed only
//! after the server has closed it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio_postgres::CancelToken;
use tokio_postgres::config::{Config, Host};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

use super::address::Connector;

type Cancelled = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Asks the server at the one address in `place` to cancel a statement. Returns when it has done so, or found nothing to
/// cancel.
pub(crate) async fn cancel(token: CancelToken, place: &Config, tls: Connector) -> Cancelled {
    let port = place.get_ports().first().copied().unwrap_or(5432);
    let name = match place.get_hosts() {
        [Host::Tcp(name), ..] => name.as_str(),
        _ => "",
    };
    match (place.get_hostaddrs(), place.get_hosts()) {
        ([address, ..], _) => {
            let socket = TcpStream::connect((*address, port)).await?;
            ask(token, socket, name, tls).await
        }
        (_, [Host::Tcp(name), ..]) => {
            let socket = TcpStream::connect((name.as_str(), port)).await?;
            ask(token, socket, name, tls).await
        }
        #[cfg(unix)]
        (_, [Host::Unix(folder), ..]) => {
            let socket = UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await?;
            ask(token, socket, name, tls).await
        }
        _ => Err("there is no host".into()),
    }
}

async fn ask<S>(token: CancelToken, socket: S, name: &str, mut tls: Connector) -> Cancelled
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connect = MakeTlsConnect::<Patient<S>>::make_tls_connect(&mut tls, name)?;
    Ok(token
        .cancel_query_raw(Patient(socket), Patient(connect))
        .await?)
}

/// A stream that is closed only after the other side has closed it, or what encrypts one.
struct Patient<T>(T);

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 64];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.0).poll_read(context, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                // The end, or an error that is one.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: TlsStream + Unpin> TlsStream for Patient<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.0.channel_binding()
    }
}

impl<S, C> TlsConnect<S> for Patient<C>
where
    C: TlsConnect<S, Future: Send, Stream: Unpin> + Send + 'static,
    S: Send + 'static,
{
    type Stream = Patient<C::Stream>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Patient<C::Stream>, C::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { self.0.connect(stream).await.map(Patient) })
    }
}
