//! A document while lists of operations are applied to it, one after the other, within the size limit.
//!
//! A list takes effect whole, or not at all if the document would pass the limit. Measuring a document means
//! walking all of it, so where several lists meet one document (a thousand children count up one parent)
//! it is measured once, and then only a bound is kept; near the limit each list is measured exactly.

use runmeta_core::{Operation, Parsed, Unapplied, apply};

use crate::jsonb::{Jsonb, Node, TooManyBytes, View, encode, size};

/// What happened to one list.
#[derive(Debug)]
pub struct Applied {
    /// False if the document was left as it was.
    pub changed: bool,
    /// Operations that were skipped.
    pub unapplied: Vec<Unapplied>,
}

/// Why a list was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum DraftError {
    /// The document would have this many bytes as compact JSON.
    TooLarge(usize),
    /// The document could not be written as JSONB at all.
    TooManyBytes,
}

impl From<TooManyBytes> for DraftError {
    fn from(TooManyBytes: TooManyBytes) -> Self {
        DraftError::TooManyBytes
    }
}

/// A document that is being changed.
pub struct Draft<'a> {
    original: &'a Jsonb<'a>,
    node: Node<'a>,
    /// Compact JSON text allowed, in bytes.
    limit: usize,
    /// What the document measures at the most, if that is known.
    bound: Option<usize>,
    /// The document as it is now, if it was written already.
    encoded: Option<Jsonb<'static>>,
    /// Whether it differs from the original, as far as that is known without comparing them.
    differs: Option<bool>,
}

impl<'a> Draft<'a> {
    /// Begins with a document as it is stored.
    pub fn new(original: &'a Jsonb<'a>, limit: usize) -> Self {
        Draft {
            original,
            node: Node::View(original.view()),
            limit,
            bound: None,
            encoded: None,
            differs: Some(false),
        }
    }

    /// Measures the document, so that further lists need not. Worth it if several follow.
    pub fn measure(&mut self) {
        self.bound = Some(size(self.original.view()));
    }

    /// Applies one list.
    ///
    /// # Errors
    ///
    /// [`DraftError`] if the document would pass the limit and grow. It is then as it was before.
    pub fn apply(&mut self, operations: &[Parsed<Node<'a>>]) -> Result<Applied, DraftError> {
        let before = self.node.clone();
        let unapplied = apply(&mut self.node, operations);
        let changed = !self.node.is_same(&before);
        if changed && let Err(error) = self.admit(operations, &before) {
            self.node = before;
            return Err(error);
        }
        if changed {
            // A second change may undo the first.
            self.differs = (self.differs == Some(false)).then_some(true);
        }
        Ok(Applied { changed, unapplied })
    }

    fn admit(
        &mut self,
        operations: &[Parsed<Node<'a>>],
        before: &Node<'a>,
    ) -> Result<(), DraftError> {
        let written = self.encoded.take();
        if let Some(bound) = self.bound {
            let grown = bound.saturating_add(growth(operations));
            if grown <= self.limit {
                self.bound = Some(grown);
                return Ok(());
            }
        }
        let encoded = encode(&self.node, self.original.memory())?;
        let bytes = size(encoded.view());
        if bytes > self.limit {
            // A document may be over a limit that was lowered, and shrink.
            let before = match written {
                Some(written) => size(written.view()),
                None => size(encode(before, self.original.memory())?.view()),
            };
            if bytes > before {
                return Err(DraftError::TooLarge(bytes));
            }
        }
        self.bound = self.bound.map(|_| bytes);
        self.encoded = Some(encoded);
        Ok(())
    }

    /// Returns the document to be stored, or `None` if it is, as a JSON value, what it was.
    ///
    /// # Errors
    ///
    /// [`DraftError::TooManyBytes`] if it cannot be written.
    pub fn finish(self) -> Result<Option<Jsonb<'static>>, DraftError> {
        let same = || self.node.is_same(&Node::View(self.original.view()));
        if !self.differs.unwrap_or_else(|| !same()) {
            return Ok(None);
        }
        match self.encoded {
            Some(encoded) => Ok(Some(encoded)),
            None => Ok(Some(encode(&self.node, self.original.memory())?)),
        }
    }
}

/// Returns how many bytes of text a list adds at the most.
fn growth(operations: &[Parsed<Node<'_>>]) -> usize {
    operations.iter().flatten().map(operation_growth).sum()
}

fn operation_growth(operation: &Operation<Node<'_>>) -> usize {
    // Each step may create an object: a name, escaped to at most six times its bytes, and `{"":},`. An array
    // around an old value adds `[,]`, a sum the digits of what is added, a sign and a carry.
    let key = operation
        .key()
        .map_or(0, |key| 6 * key.as_str().len() + 8 * key.len());
    let value = match operation {
        Operation::Delete { .. } | Operation::Remove { .. } => return 0,
        Operation::Set { value, .. }
        | Operation::Update { value }
        | Operation::Merge { value, .. }
        | Operation::Append { value, .. }
        | Operation::Increment { value, .. } => value,
    };
    let value = match value {
        Node::View(view) => size(*view),
        // Values of operations are read from JSONB; sums and opened containers are made by applying.
        _ => 0,
    };
    key + value + 8
}

/// Returns true if a value can be a document: an object.
pub fn is_object(document: &Jsonb<'_>) -> bool {
    matches!(document.view(), View::Object(_))
}
