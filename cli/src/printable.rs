//! Text from files and databases, made safe for a terminal.

use std::fmt::Write;

/// Escapes control characters as JSON does (`\u001b`), so that a name or a value cannot move the cursor, change colours or turn
/// the direction of what follows, and what was JSON stays JSON.
pub(crate) fn printable(text: &str) -> String {
    escape(text, is_control)
}

/// Escapes as [`printable`], but keeps line feeds: for JSON over several lines.
pub(crate) fn printable_lines(text: &str) -> String {
    escape(text, |c| is_control(c) && c != '\n')
}

/// Escapes as [`printable`], but keeps line feeds and tabulators: for text that is shown as it is.
pub(crate) fn printable_text(text: &str) -> String {
    escape(text, |c| is_control(c) && !matches!(c, '\n' | '\t'))
}

/// Cuts a text after `length` characters and says so with an ellipsis.
pub(crate) fn shortened(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        None => text.to_owned(),
        Some(_) => text
            .chars()
            .take(length.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

/// Tells characters that do not show: control characters, separators of lines, and what turns the direction of writing.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape(text: &str, needs_escape: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if needs_escape(c) {
            // Writing to a String does not fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_letters_stay() {
        assert_eq!(
            printable("a\u{1b}[2J\u{9b}1mü\n"),
            "a\\u001b[2J\\u009b1mü\\u000a"
        );
        assert_eq!(printable("file\u{202e}fdp.exe"), "file\\u202efdp.exe");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(
            printable_lines("{\n \"a\": \"\u{85}\"\n}"),
            "{\n \"a\": \"\\u0085\"\n}"
        );
    }

    #[test]
    fn text_keeps_its_lines_and_tabulators() {
        assert_eq!(printable_text("a\tb\n\r\u{1b}"), "a\tb\n\\u000d\\u001b");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
    }
}
