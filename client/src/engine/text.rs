//! The text of a batch.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use runmeta_core::{Json, Operation, write_string};

use super::batch::Piece;
use crate::buffer::chunks::{Block, Close};
use crate::buffer::state::CommandKind;
use crate::wire::Part;

impl Piece {
    /// Writes a part; of its streams, those that are wanted.
    fn write_part(&self, part: Part, is_wanted: impl Fn(&str) -> bool, text: &mut String) {
        // Writing to a string cannot fail.
        let _ = match (part, self.command(part)) {
            (Part::Operations, _) => {
                let _ = write!(text, r#","{}":["#, self.target.list());
                for (position, operation) in self.operations.iter().enumerate() {
                    text.push_str(if position == 0 { "" } else { "," });
                    write_operation(operation, text);
                }
                text.push(']');
                Ok(())
            }
            (Part::Stream, _) => {
                let streams = streams(&self.blocks).into_iter();
                write_streams(streams.filter(|(stream, _)| is_wanted(stream)), text);
                Ok(())
            }
            (_, Some(CommandKind::Start { text: start, .. })) => {
                write!(text, r#","start":{start}"#)
            }
            (_, Some(CommandKind::Status { status, attempt })) => {
                write_status("status", status, *attempt, text)
            }
            (_, Some(CommandKind::Finish { status, attempt })) => {
                write_status("finish", status, *attempt, text)
            }
            (_, None) => Ok(()),
        };
    }

    fn command(&self, part: Part) -> Option<&CommandKind> {
        let mut kinds = self.commands.iter().map(|command| &command.kind);
        kinds.find(|kind| kind.part() == part)
    }
}

fn write_status(
    name: &str,
    status: &str,
    attempt: Option<i32>,
    text: &mut String,
) -> std::fmt::Result {
    write!(text, r#","{name}":{{"status":"#)?;
    write_string(status, text);
    if let Some(attempt) = attempt {
        write!(text, r#","attempt":{attempt}"#)?;
    }
    text.push('}');
    Ok(())
}

/// Returns the blocks of each stream, in their order.
pub(super) fn streams(blocks: &[Block]) -> BTreeMap<&str, Vec<&Block>> {
    let mut streams: BTreeMap<&str, Vec<&Block>> = BTreeMap::new();
    for block in blocks {
        streams.entry(&block.report.stream).or_default().push(block);
    }
    streams
}

/// Writes chunks for streams, and which of them end.
fn write_streams<'a>(streams: impl Iterator<Item = (&'a str, Vec<&'a Block>)>, text: &mut String) {
    text.push_str(r#","streams":{"#);
    for (position, (stream, blocks)) in streams.enumerate() {
        text.push_str(if position == 0 { "" } else { "," });
        write_string(stream, text);
        text.push_str(r#":{"chunks":["#);
        let filled = blocks.iter().filter(|block| block.chunks > 0);
        for (position, block) in filled.enumerate() {
            text.push_str(if position == 0 { "" } else { "," });
            text.push_str(&block.text);
        }
        text.push(']');
        if let Some(Close { error, attempt }) = blocks.last().and_then(|block| block.close.as_ref())
        {
            match error {
                Some(error) => {
                    text.push_str(r#","error":"#);
                    write_string(error, text);
                }
                None => text.push_str(r#","closed":true"#),
            }
            if let Some(attempt) = attempt {
                let _ = write!(text, r#","attempt":{attempt}"#);
            }
        }
        text.push('}');
    }
    text.push('}');
}

/// Writes an operation's JSON form.
fn write_operation(operation: &Operation<Json>, text: &mut String) {
    let _ = write!(text, r#"{{"type":"{}""#, operation.operation_type().name());
    if let Some(key) = operation.key() {
        text.push_str(r#","key":"#);
        write_string(key.as_str(), text);
    }
    if let Some(value) = operation.value() {
        text.push_str(r#","value":"#);
        value.write_to(text);
    }
    if let Some(keep) = operation.keep() {
        let _ = write!(text, r#","keep":{keep}"#);
    }
    text.push('}');
}

/// Writes those parts of pieces, which are in their order, that are wanted: of streams, by their names.
pub(super) fn write(
    pieces: &[Piece],
    is_wanted: impl Fn(&Piece, Part, Option<&str>) -> bool,
) -> Arc<str> {
    let mut text = String::from("[");
    let mut last: Option<&Piece> = None;
    for piece in pieces {
        let is_wanted = |part, stream: Option<&str>| is_wanted(piece, part, stream);
        let is_there = |part: &Part| match part {
            Part::Stream => {
                let mut streams = piece.blocks.iter().map(|block| &*block.report.stream);
                streams.any(|stream| is_wanted(Part::Stream, Some(stream)))
            }
            part => is_wanted(*part, None),
        };
        for (position, part) in piece.parts().filter(is_there).enumerate() {
            let goes_on = |last: &Piece| last.entry == piece.entry && !last.has_commands();
            if position == 0 && !last.is_some_and(goes_on) {
                text.push_str(if last.is_some() { "},{" } else { "{" });
                text.push_str(r#""run":"#);
                write_string(&piece.entry, &mut text);
            }
            piece.write_part(part, |stream| is_wanted(part, Some(stream)), &mut text);
            last = Some(piece);
        }
    }
    text.push_str(if last.is_some() { "}]" } else { "]" });
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_form_is_that_of_core() {
        for operation in [
            r#"{"key":"a","type":"set","value":null}"#,
            r#"{"key":"$.a.b","type":"delete"}"#,
            r#"{"type":"update","value":{"a":1}}"#,
            r#"{"type":"merge","value":{"a":null}}"#,
            r#"{"key":"a","type":"merge","value":1.50}"#,
            r#"{"key":"a","keep":20,"type":"append","value":"\"x\n"}"#,
            r#"{"key":"a","type":"remove","value":"x"}"#,
            r#"{"key":"a","type":"increment","value":-0.5}"#,
        ] {
            let read = Operation::parse(&Json::parse(operation).unwrap()).unwrap();
            let mut text = String::new();
            write_operation(&read, &mut text);
            assert_eq!(Json::parse(&text).unwrap(), Json::parse(operation).unwrap());
        }
    }
}
