//! Chunks that are to be appended.

use crate::jsonb::{Container, Jsonb, Node, View, check_for_interrupts, fits_depth, size};
use crate::refusal::Refusal;
use crate::settings;

/// Chunks that are to be appended, as they came. None of them is copied.
#[derive(Clone, Default)]
pub struct Chunks<'a> {
    elements: Option<Container<'a>>,
    skipped: Vec<Skipped>,
    bytes: usize,
}

/// A chunk that cannot be appended.
#[derive(Clone, Copy)]
pub struct Skipped {
    /// Its position among those that came.
    pub index: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It has this many bytes as compact JSON.
    TooLarge(usize),
    /// It nests deeper than a document may.
    TooDeep,
}

impl<'a> Chunks<'a> {
    /// Checks each chunk of an array.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotChunks`].
    pub fn read(chunks: View<'a>) -> Result<Chunks<'a>, Refusal> {
        let View::Array(elements) = chunks else {
            return Err(Refusal::NotChunks);
        };
        let limit = settings::maximum_size();
        let (mut skipped, mut bytes) = (Vec::new(), 0);
        for (index, chunk) in elements.elements().enumerate() {
            check_for_interrupts();
            let problem = match size(chunk) {
                size if size > limit => Problem::TooLarge(size),
                _ if !fits_depth(chunk, 0) => Problem::TooDeep,
                _ => {
                    bytes += stored_bytes(chunk);
                    continue;
                }
            };
            skipped.push(Skipped { index, problem });
        }
        Ok(Chunks {
            elements: Some(elements),
            skipped,
            bytes,
        })
    }

    /// Returns how many came.
    pub fn given(&self) -> usize {
        self.elements.map_or(0, |elements| elements.count())
    }

    /// Returns how many can be appended.
    pub fn count(&self) -> usize {
        self.given() - self.skipped.len()
    }

    /// Returns the bytes that those have in an array of JSONB, at the most.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns those that can be appended.
    pub fn elements(&self) -> impl Iterator<Item = View<'a>> {
        let mut skipped = self.skipped.iter().map(|skipped| skipped.index).peekable();
        let elements = self.elements.into_iter().flat_map(Container::elements);
        let accepted = move |(index, _): &(usize, View<'a>)| skipped.next_if_eq(index).is_none();
        elements
            .enumerate()
            .filter(accepted)
            .map(|(_, chunk)| chunk)
    }

    /// Returns those that cannot.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Checks that all of them can be appended.
    ///
    /// # Errors
    ///
    /// [`Refusal::ChunkTooLarge`] or [`Refusal::ChunkTooDeep`] for the first that cannot.
    pub fn check(&self) -> Result<(), Refusal> {
        match self.skipped.first() {
            None => Ok(()),
            Some(skipped) => Err(skipped.refusal()),
        }
    }
}

impl Skipped {
    /// Returns a word for what is wrong.
    pub fn code(&self) -> &'static str {
        match self.problem {
            Problem::TooLarge(_) => "too_large",
            Problem::TooDeep => "too_deep",
        }
    }

    fn refusal(&self) -> Refusal {
        let index = self.index;
        match self.problem {
            Problem::TooLarge(size) => Refusal::ChunkTooLarge {
                index,
                size,
                limit: settings::maximum_size(),
            },
            Problem::TooDeep => Refusal::ChunkTooDeep { index },
        }
    }
}

/// Returns the bytes that a chunk has in an array of JSONB, at the most: four for its entry, and its data, before which
/// up to three bytes of padding stand.
pub fn stored_bytes(chunk: View<'_>) -> usize {
    4 + match chunk {
        View::Null | View::Boolean(_) => 0,
        View::String(text) => text.len(),
        View::Number(number) => 3 + number.len(),
        View::Array(container) | View::Object(container) => 3 + container.bytes().len(),
    }
}

/// Writes chunks as an array.
///
/// # Errors
///
/// [`Refusal::TooManyBytes`].
pub fn array(chunks: Vec<View<'_>>) -> Result<Jsonb<'static>, Refusal> {
    let chunks = chunks.into_iter().map(Node::View);
    crate::jsonb::encode_array(chunks).map_err(|_| Refusal::TooManyBytes)
}
