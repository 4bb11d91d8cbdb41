//! The blocks of one language in a Markdown file, each with the block of text that shows its output.

use std::fmt;

/// A file in pieces that make up the file again when they are written one after another.
pub struct Document {
    pieces: Vec<Piece>,
}

enum Piece {
    /// Everything else, fences included.
    Prose(String),
    Code(String),
    /// The output of the block of code before it.
    Output(String),
}

impl Document {
    /// Takes a file apart; blocks of other languages than this one are prose.
    pub fn parse(text: &str, code: &str) -> Self {
        let mut pieces = Vec::new();
        let mut prose = String::new();
        // A block is an output if nothing but blank lines is between it and the code.
        let mut after_code = false;
        let mut lines = text.split_inclusive('\n');
        while let Some(line) = lines.next() {
            prose.push_str(line);
            let Some(language) = line.trim_end().strip_prefix("```") else {
                after_code &= line.trim().is_empty();
                continue;
            };
            let mut body = String::new();
            let mut end = "";
            for line in lines.by_ref() {
                if line.trim_end() == "```" {
                    end = line;
                    break;
                }
                body.push_str(line);
            }
            let is_output = after_code && matches!(language, "" | "text");
            after_code = language == code;
            let piece = match (after_code, is_output) {
                (true, _) => Piece::Code(body),
                (_, true) => Piece::Output(body),
                _ => Piece::Prose(body),
            };
            pieces.push(Piece::Prose(std::mem::take(&mut prose)));
            pieces.push(piece);
            prose.push_str(end);
        }
        pieces.push(Piece::Prose(prose));
        Self { pieces }
    }

    /// Returns the blocks of code in order.
    pub fn blocks(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Code(code) => Some(code.as_str()),
            _ => None,
        })
    }

    /// Tells whether the block of code at this place shows its output.
    pub fn has_output(&self, index: usize) -> bool {
        let mut blocks = self
            .pieces
            .iter()
            .filter(|piece| !matches!(piece, Piece::Prose(_)));
        let mut seen = 0;
        while let Some(piece) = blocks.next() {
            if matches!(piece, Piece::Code(_)) {
                if seen == index {
                    return matches!(blocks.next(), Some(Piece::Output(_)));
                }
                seen += 1;
            }
        }
        false
    }

    /// Returns the output that is shown for the block of code at this place.
    pub fn output(&self, index: usize) -> Option<&str> {
        let is_code = |piece: &&Piece| matches!(piece, Piece::Code(_));
        let mut blocks = self
            .pieces
            .iter()
            .filter(|piece| !matches!(piece, Piece::Prose(_)))
            .skip_while(|piece| !is_code(piece));
        blocks.by_ref().filter(is_code).nth(index)?;
        match blocks.next() {
            Some(Piece::Output(output)) => Some(output),
            _ => None,
        }
    }

    /// Replaces the outputs that are shown; there is one for each block of code.
    pub fn set_outputs(&mut self, outputs: &[String]) {
        let mut outputs = outputs.iter();
        let mut last = None;
        for piece in &mut self.pieces {
            match piece {
                Piece::Code(_) => last = outputs.next(),
                Piece::Output(shown) => last.expect("an output follows its code").clone_into(shown),
                Piece::Prose(_) => {}
            }
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Prose(text) | Piece::Code(text) | Piece::Output(text) => {
                    f.write_str(text)?
                }
            }
        }
        Ok(())
    }
}

const EXAMPLE: &str = "
# Title
```sh
make db
```
```sql
SELECT 1;
```

```text
old
```
```sql
SELECT 2;
```
Prose between.
```text
not an output
```
";

#[test]
fn writing_a_parsed_document_gives_the_document() {
    assert_eq!(Document::parse(EXAMPLE, "sql").to_string(), EXAMPLE);
}

#[test]
fn only_a_block_that_follows_sql_is_its_output() {
    let mut document = Document::parse(EXAMPLE, "sql");
    let sql: Vec<&str> = document.blocks().collect();
    assert_eq!(sql, ["SELECT 1;\n", "SELECT 2;\n"]);
    assert!(document.has_output(0));
    assert!(!document.has_output(1));

    document.set_outputs(&["new\n".to_owned(), "unseen\n".to_owned()]);
    assert_eq!(document.to_string(), EXAMPLE.replace("old", "new"));
}
