//! The gateway, in a process of its own: what it takes is not what its readers take.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, stdin};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use runmeta_web::{Config, Keys, Server};
use tokio::runtime::Runtime;

use crate::Result;

/// The secret key of its readers.
pub const KEY: &str = "a-secret-key-of-the-measurement";

/// Tells the program that it is the gateway, of the database of this URL.
const URL: &str = "RUNMETA_BENCH_GATEWAY";

/// Makes a gateway of this process if it was started as one.
pub fn serve_if_asked() -> Result<()> {
    let Ok(url) = env::var(URL) else {
        return Ok(());
    };
    let mut config = Config::new(url, Keys::List(KEY.to_owned()));
    config.limits.requests_per_second = 100_000;
    config.limits.burst = 100_000;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let server = Server::bind(config).await?;
        println!("{}", server.address());
        tokio::spawn(server.run());
        // Until the measurement closes it, or ends.
        tokio::task::spawn_blocking(|| stdin().read(&mut [0])).await??;
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    std::process::exit(0)
}

/// A gateway, ended when it is dropped.
pub struct Gateway {
    child: Child,
    address: SocketAddr,
}

impl Gateway {
    /// Starts one.
    pub async fn start(url: &str) -> Result<Gateway> {
        let mut child = Command::new(env::current_exe()?)
            .env(URL, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the gateway has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse()?;
        Ok(Gateway { child, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the bytes of memory that it has.
    pub fn resident(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        let kilobytes: f64 = kilobytes.ok_or("no VmRSS")?.parse()?;
        Ok(kilobytes * 1024.0)
    }

    /// Returns the time of processors that it took so far.
    pub fn processor(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name before may contain blanks. Clock ticks are a hundredth of a second.
        let fields = stat.rsplit_once(')').ok_or("no stat")?.1;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks = ticks
            .map(str::parse::<u64>)
            .sum::<std::result::Result<u64, _>>()?;
        Ok(Duration::from_millis(10 * ticks))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
