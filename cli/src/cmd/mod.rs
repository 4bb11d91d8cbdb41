//! The commands, each in a file of its own.

mod adapt;
mod demo;
mod distribute;
mod doctor;
mod get;
mod migrate;
mod serve;
mod stream;
mod tree;
mod watch;

use std::process::ExitCode;

use clap::Subcommand;

use crate::error::Error;

/// What the user may ask for.
#[derive(Subcommand)]
pub(crate) enum Command {
    Migrate(migrate::Migrate),
    Distribute(distribute::Distribute),
    Adapt(Box<adapt::Adapt>),
    Demo(demo::Demo),
    Get(get::Get),
    Watch(watch::Watch),
    Tree(tree::Tree),
    Stream(stream::Stream),
    Serve(serve::Serve),
    Doctor(doctor::Doctor),
}

impl Command {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        match self {
            Self::Migrate(command) => command.run().await,
            Self::Distribute(command) => command.run().await,
            Self::Adapt(command) => command.run().await,
            Self::Demo(command) => command.run().await,
            Self::Get(command) => command.run().await,
            Self::Watch(command) => command.run().await,
            Self::Tree(command) => command.run().await,
            Self::Stream(command) => command.run().await,
            Self::Serve(command) => command.run().await,
            Self::Doctor(command) => command.run().await,
        }
    }
}
