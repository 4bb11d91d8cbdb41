//! A line of a terminal: pieces of text with styles, which together fit a width.
//!
//! Widths are in columns: a Chinese character takes two, and a line that is longer than the terminal would take two rows, which are not
//! drawn over.

use console::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::printable::printable;

/// How a piece of text looks where there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    Name,
    Done,
    Dim,
}

/// Pieces of text, none of which has control characters.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Line(Vec<(Look, String)>);

impl Line {
    /// Returns an empty line.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a text, with its control characters escaped.
    pub(crate) fn push(&mut self, look: Look, text: &str) {
        self.0.push((look, printable(text)));
    }

    /// Adds so many spaces.
    pub(crate) fn space(&mut self, columns: usize) {
        self.0.push((Look::Plain, " ".repeat(columns)));
    }

    /// Returns it with another one behind it.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns how many columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// Cuts it after so many columns, with an ellipsis.
    pub(crate) fn cut(mut self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut left = columns;
        let mut pieces = Vec::new();
        for (look, text) in self.0.drain(..) {
            // One column is kept for the ellipsis of what follows.
            let taken = width(&text);
            if taken < left {
                left -= taken;
                pieces.push((look, text));
                continue;
            }
            pieces.push((look, cut(&format!("{text}…"), left)));
            break;
        }
        Self(pieces)
    }

    /// Returns it with colours, if there are any.
    pub(crate) fn colored(&self) -> String {
        let style = |look| match look {
            Look::Plain => Style::new(),
            Look::Name => Style::new().bold(),
            Look::Done => Style::new().green(),
            Look::Dim => Style::new().dim(),
        };
        self.0
            .iter()
            .map(|(look, text)| style(*look).apply_to(text).to_string())
            .collect()
    }

    /// Returns it without colours and without blanks at the end.
    #[cfg(test)]
    pub(crate) fn plain(&self) -> String {
        let text: String = self.0.iter().map(|(_, text)| text.as_str()).collect();
        text.trim_end().to_owned()
    }
}

/// Returns how many columns a text without control characters takes.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Cuts a text after so many columns, with an ellipsis.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let mut kept = String::new();
    for letter in text.chars() {
        let taken = letter.width().unwrap_or(0);
        if taken > left {
            break;
        }
        left -= taken;
        kept.push(letter);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// Returns a text of just so many columns: cut, or with blanks behind it.
pub(crate) fn filled(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let blanks = columns - width(&text);
    text + &" ".repeat(blanks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_columns() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("進捗率", 6), "進捗率");
        assert_eq!(cut("進捗率", 5), "進捗…");
        assert_eq!(cut("進捗率", 4), "進…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(filled("進捗率", 4), "進… ");
    }

    #[test]
    fn line_is_cut_where_it_ends() {
        let mut line = Line::new();
        line.push(Look::Name, "import");
        line.push(Look::Dim, "-42\u{1b}");
        assert_eq!(line.clone().cut(15).plain(), "import-42\\u001b");
        assert_eq!(line.clone().cut(14).plain(), "import-42\\u00…");
        assert_eq!(line.clone().cut(6).plain(), "impor…");
        assert_eq!(line.cut(0).plain(), "");
    }
}
