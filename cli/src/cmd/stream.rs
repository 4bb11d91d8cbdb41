//! `runmeta stream`: the chunks of a stream, until it is closed.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use runmeta_client::{Chunk, DEFAULT_STREAM};
use serde_json::Value;

use crate::connect::{Database, Others};
use crate::error::Error;
use crate::printable::{printable, printable_text};
use crate::stdout::{print, write};

/// Print a stream of a run, and follow it until it is closed
///
/// Chunks that are texts are printed one behind the other, as the tokens of a language model are read; others are lines of JSON. A
/// stream that does not exist yet is waited for. The exit code is 1 if the stream was closed with an error.
#[derive(Args)]
pub(crate) struct Stream {
    /// Run that has the stream
    run: String,
    /// Name of the stream; without it, the only one that the run has, or else "default"
    name: Option<String>,
    /// Number of the chunk to begin with; the first one has 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// Print each chunk as a line of JSON, with its number
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    others: Others,
    #[command(flatten)]
    database: Database,
}

impl Stream {
    pub(crate) async fn run(self) -> Result<ExitCode, Error> {
        let client = self
            .database
            .runs("runmeta stream".to_owned(), &self.others)
            .await?;
        let streams = client.streams(&self.run).await?;
        let name = match (&self.name, streams.as_slice()) {
            (Some(name), _) => name,
            (None, [only]) => &only.name,
            (None, _) => DEFAULT_STREAM,
        };
        if !streams.iter().any(|stream| stream.name == name) {
            let names: Vec<_> = streams
                .iter()
                .map(|stream| printable(&stream.name))
                .collect();
            let others = match names.is_empty() {
                true => String::new(),
                false => format!("; it has {}", names.join(", ")),
            };
            let _ = writeln!(
                std::io::stderr(),
                "waiting for stream \"{}\" of run \"{}\", which does not exist yet{others}",
                printable(name),
                printable(&self.run)
            );
        }
        let mut chunks = client.read_stream(&self.run, name, self.from).await?;
        let mut text = Text::default();
        while let Some(chunk) = chunks.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    write(text.end())?;
                    return Err(error.into());
                }
            };
            match self.json {
                true => print(&line(&chunk))?,
                false => write(&text.next(chunk.json()))?,
            }
        }
        write(text.end())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn line(chunk: &Chunk) -> String {
    let (number, json) = (chunk.number(), printable(chunk.json()));
    format!("{{\"number\":{number},\"chunk\":{json}}}")
}

/// Chunks as a text.
#[derive(Default)]
struct Text {
    in_line: bool,
}

impl Text {
    /// Returns what to print for a chunk.
    fn next(&mut self, json: &str) -> String {
        match serde_json::from_str(json) {
            Ok(Value::String(text)) => {
                let text = printable_text(&text);
                if !text.is_empty() {
                    self.in_line = !text.ends_with('\n');
                }
                text
            }
            // The text of the server, in which numbers of any size are exact.
            _ => format!("{}{}\n", self.end(), printable(json)),
        }
    }

    /// Ends the line.
    fn end(&mut self) -> &'static str {
        match std::mem::take(&mut self.in_line) {
            true => "\n",
            false => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(chunks: &[&str]) -> String {
        let mut text = Text::default();
        let mut shown: String = chunks.iter().map(|chunk| text.next(chunk)).collect();
        shown += text.end();
        shown
    }

    #[test]
    fn texts_are_printed_one_behind_the_other() {
        assert_eq!(
            shown(&["\"Hel\"", "\"lo\\n\"", "\"\"", "\"wor\\tld\""]),
            "Hello\nwor\tld\n"
        );
        assert_eq!(shown(&["\"done\\n\"", "\"\""]), "done\n");
    }

    #[test]
    fn other_values_are_lines() {
        assert_eq!(
            shown(&["{\"a\": 1}", "\"x\"", "1e400", "null"]),
            "{\"a\": 1}\nx\n1e400\nnull\n"
        );
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(shown(&["\"\\u001b[2J\\r\""]), "\\u001b[2J\\u000d\n");
    }
}
