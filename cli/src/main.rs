//! `runmeta`: run metadata for Postgres on the command line.
//!
//! What is asked for goes to stdout, everything else to stderr. A file in `cmd/`
//! is a command; what the demo is made of is in `demo/`, what the doctor looks at in `doctor/`, how runs look in `live/`.

mod cmd;
mod connect;
mod demo;
mod doctor;
mod error;
mod live;
mod printable;
mod stdout;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::cmd::Command;

/// Run metadata for Postgres
#[derive(Parser)]
#[command(name = "runmeta", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("error: the program cannot start: {error}")),
    };
    let outcome = runtime.block_on(arguments.command.run());
    // A reader of lines or a connection that is still open must not keep the program from ending.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            fail(&error.to_string());
            ExitCode::from(error.exit_code())
        }
    }
}

/// Says what went wrong. Nobody is left to tell when stderr is closed too.
fn fail(text: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::FAILURE
}
