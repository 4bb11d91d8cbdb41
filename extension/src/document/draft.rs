//! A document while lists of operations are applied to it, one after the other, within the size limit.
//!
//! A list takes effect whole, or not at all if the document would pass the limit. Measuring a document means
//! walking all of it, so a bound of its size is stored with it, which each list raises by what it can add at the most.
//! Where that passes the limit, the document is measured exactly.
//!
//! Lists that waited in the inbox were admitted when they came, and are not refused any more.

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

/// A document that was changed, to be stored.
pub struct Changed {
    /// The document.
    pub metadata: Jsonb<'static>,
    /// What it has at the most as compact JSON, in bytes.
    pub bound: i32,
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
    /// Begins with a document as it is stored, and the bound of its size that is stored with it, if there is one.
    pub fn new(original: &'a Jsonb<'a>, limit: usize, bound: Option<i32>) -> Self {
        Draft {
            original,
            node: Node::View(original.view()),
            limit,
            bound: plausible(original, bound),
            encoded: None,
            differs: Some(false),
        }
    }

    /// Measures the document unless a bound of its size is known. Worth it if several lists follow.
    pub fn measure(&mut self) {
        self.bound.get_or_insert_with(|| size(self.original.view()));
    }

    /// Applies one list that was admitted when it came, and returns the operations that were skipped.
    pub fn fold(&mut self, operations: &[Parsed<Node<'a>>]) -> Vec<Unapplied> {
        self.encoded = None;
        self.differs = None;
        self.bound = self
            .bound
            .map(|bound| bound.saturating_add(growth(operations)));
        apply(&mut self.node, operations)
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
        self.bound = Some(bytes);
        self.encoded = Some(encoded);
        Ok(())
    }

    /// Returns the document to be stored, or `None` if it is, as a JSON value, what it was.
    ///
    /// # Errors
    ///
    /// [`DraftError::TooManyBytes`] if it cannot be written.
    pub fn finish(self) -> Result<Option<Changed>, DraftError> {
        let same = || self.node.is_same(&Node::View(self.original.view()));
        if !self.differs.unwrap_or_else(|| !same()) {
            return Ok(None);
        }
        let metadata = match self.encoded {
            Some(encoded) => encoded,
            None => encode(&self.node, self.original.memory())?,
        };
        // Each increment raises the bound, though the number keeps its length: now and then it is measured anew.
        let near = |bound: &usize| *bound <= self.limit && *bound <= 4 * metadata.memory() + 1024;
        let bound = self.bound.filter(near);
        let bound = bound.unwrap_or_else(|| size(metadata.view()));
        let bound = i32::try_from(bound).unwrap_or(i32::MAX);
        Ok(Some(Changed { metadata, bound }))
    }
}

/// Returns the bound if it can be that of the document: a plain `UPDATE` may have changed the document alone. JSONB has
/// at most eight bytes for one of text, as in `[1,1,1]`.
fn plausible(document: &Jsonb<'_>, bound: Option<i32>) -> Option<usize> {
    let bound = bound.and_then(|bound| usize::try_from(bound).ok());
    bound.filter(|bound| bound.saturating_mul(8) >= document.memory().saturating_sub(64))
}

/// Returns how many bytes of text a list adds at the most.
pub fn growth(operations: &[Parsed<Node<'_>>]) -> usize {
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
        // What increment was called with.
        Node::Sum(number) => size(View::Number(number)),
        // Values of operations are read from JSONB; opened containers are made by applying.
        _ => 0,
    };
    key + value + 8
}

/// Returns true if a value can be a document: an object.
pub fn is_object(document: &Jsonb<'_>) -> bool {
    matches!(document.view(), View::Object(_))
}
