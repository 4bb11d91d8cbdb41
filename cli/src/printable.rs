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

/// Tells characters that do not show: control characters, separators of lines, what turns the direction of writing, and signs
/// without width, by which two names that look alike can differ. Those that join letters or choose between forms of one
/// (U+200C, U+200D and variation selectors) stay: Persian words and emoji have them.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

fn escape(text: &str, needs_escape: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if needs_escape(c) {
            // JSON has two escapes for a character of more than 16 bits.
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
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
    fn signs_without_width_are_escaped_as_in_json() {
        let text = "a\u{61c}b\u{200b}c\u{feff}d\u{e0041}\u{ad}\u{2060}";
        let escaped = printable(text);
        assert_eq!(
            escaped,
            "a\\u061cb\\u200bc\\ufeffd\\udb40\\udc41\\u00ad\\u2060"
        );
        let json: String = serde_json::from_str(&format!("\"{escaped}\"")).unwrap();
        assert_eq!(json, text);
    }

    #[test]
    fn joined_letters_and_emoji_stay() {
        let text = "می\u{200c}خواهم 👩\u{200d}💻 ❤\u{fe0f}";
        assert_eq!(printable(text), text);
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
