//! Writing compact JSON text, byte for byte as `serde_json` writes it.

use std::fmt::{self, Write};

use super::Json;

impl Json {
    /// Writes the compact text at the end of `text`.
    pub fn write_to(&self, text: &mut String) {
        // Writing to a String never fails.
        let _ = write(self, text);
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self, f)
    }
}

impl From<&Json> for String {
    fn from(value: &Json) -> String {
        let mut text = String::new();
        value.write_to(&mut text);
        text
    }
}

impl From<Json> for String {
    fn from(value: Json) -> String {
        String::from(&value)
    }
}

fn write(value: &Json, out: &mut impl Write) -> fmt::Result {
    match value {
        Json::Null => out.write_str("null"),
        Json::Bool(true) => out.write_str("true"),
        Json::Bool(false) => out.write_str("false"),
        Json::Number(number) => out.write_str(number.as_str()),
        Json::String(text) => write_text(text, out),
        Json::Array(elements) => {
            let mut before = '[';
            for element in elements {
                out.write_char(before)?;
                write(element, out)?;
                before = ',';
            }
            out.write_str(if before == '[' { "[]" } else { "]" })
        }
        Json::Object(members) => {
            let mut before = '{';
            for (name, value) in members.iter() {
                out.write_char(before)?;
                write_text(name, out)?;
                out.write_char(':')?;
                write(value, out)?;
                before = ',';
            }
            out.write_str(if before == '{' { "{}" } else { "}" })
        }
    }
}

/// Writes a text as a JSON string at the end of `out`, in quotes and escaped.
pub fn write_string(text: &str, out: &mut String) {
    // Writing to a String never fails.
    let _ = write_text(text, out);
}

fn write_text(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_escaped) {
        out.write_str(&rest[..at])?;
        match rest.as_bytes()[at] {
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            0x08 => out.write_str("\\b")?,
            0x0c => out.write_str("\\f")?,
            byte @ (b'"' | b'\\') => {
                out.write_char('\\')?;
                out.write_char(byte.into())?;
            }
            byte => write!(out, "\\u{byte:04x}")?,
        }
        rest = &rest[at + 1..];
    }
    out.write_str(rest)?;
    out.write_char('"')
}

fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}
