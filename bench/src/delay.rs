//! A network that takes its time: a proxy that delays whatever passes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::{sleep, spawn};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::Result;

/// What one direction holds at most: no more than this passes in one delay.
const BUFFER: usize = 1024 * 1024;

/// Listens on a free port of this machine, and returns it. Everything passes to the server after half of the round trip, in each
/// direction. It ends with the process.
pub fn delayed(config: &Config, round_trip: Duration) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let server = address(config)?;
    spawn(move || {
        for client in listener.incoming().flatten() {
            // A connection that fails is what a client sees of a network.
            let _ = connect(client, &server, round_trip / 2);
        }
    });
    Ok(port)
}

enum Address {
    Unix(PathBuf),
    Tcp(String, u16),
}

fn address(config: &Config) -> Result<Address> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Unix(folder)) => Ok(Address::Unix(folder.join(format!(".s.PGSQL.{port}")))),
        Some(Host::Tcp(name)) => Ok(Address::Tcp(name.clone(), port)),
        None => Err("the URL names no host".into()),
    }
}

fn connect(client: TcpStream, server: &Address, delay: Duration) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let back = client.try_clone()?;
    match server {
        Address::Unix(path) => {
            let server = UnixStream::connect(path)?;
            let answers = server.try_clone()?;
            spawn(move || pass(client, &server, delay, || server.shutdown(Shutdown::Write)));
            spawn(move || pass(answers, &back, delay, || back.shutdown(Shutdown::Write)));
        }
        Address::Tcp(name, port) => {
            let server = TcpStream::connect((name.as_str(), *port))?;
            server.set_nodelay(true)?;
            let answers = server.try_clone()?;
            spawn(move || pass(client, &server, delay, || server.shutdown(Shutdown::Write)));
            spawn(move || pass(answers, &back, delay, || back.shutdown(Shutdown::Write)));
        }
    }
    Ok(())
}

fn pass(
    mut from: impl Read,
    mut to: impl Write,
    delay: Duration,
    end: impl FnOnce() -> std::io::Result<()>,
) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        sleep(delay);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = end();
}
