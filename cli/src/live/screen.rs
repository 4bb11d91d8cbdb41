//! Lines that are drawn over those drawn before.

use console::Term;

use super::line::Line;
use crate::error::Error;
use crate::stdout::write;

/// The part of a terminal that we draw on: what is below the cursor of the first drawing.
pub(crate) struct Screen {
    terminal: Term,
    /// Widths of the lines that are there.
    drawn: Vec<usize>,
}

impl Screen {
    /// Takes the terminal that stdout is; none if it is none.
    pub(crate) fn stdout() -> Option<Self> {
        let terminal = Term::stdout();
        let drawn = Vec::new();
        terminal.is_term().then_some(Self { terminal, drawn })
    }

    /// Returns how many columns and rows there are for lines. The last row is for the cursor.
    pub(crate) fn size(&self) -> (usize, usize) {
        let (rows, columns) = self.terminal.size();
        (columns.into(), usize::from(rows).saturating_sub(1))
    }

    /// Draws lines, each of which fits the terminal.
    pub(crate) fn draw(&mut self, lines: &[Line]) -> Result<(), Error> {
        let (columns, _) = self.size();
        // A terminal that has become narrower shows a line in several rows.
        let rows: usize = self
            .drawn
            .iter()
            .map(|width| width.div_ceil(columns.max(1)).max(1))
            .sum();
        let mut text = String::new();
        if rows > 0 {
            text += &format!("\x1b[{rows}A\r");
        }
        for line in lines {
            text += &line.colored();
            text += "\x1b[K\n";
        }
        // What was below, of a drawing with more lines.
        text += "\x1b[J";
        self.drawn = lines.iter().map(Line::width).collect();
        write(&text)
    }
}
