//! The parts of a rope: entries of their own, and runs of untouched ones.

use super::super::Container;

/// An entry of an opened container: a value, or a name and a value.
pub trait Entry<'a>: Clone {
    /// Reads the entry at a position of a container.
    fn read(container: Container<'a>, position: usize) -> Self;
}

/// A part of a rope.
#[derive(Clone, Debug)]
pub enum Piece<'a, T> {
    /// Entries of a container that nobody touched.
    Run(Run<'a>),
    /// An entry of its own.
    One(T),
}

/// Neighbouring entries of a container: from `start` to before `end`.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Where they lie.
    pub container: Container<'a>,
    /// The position of the first one.
    pub start: usize,
    /// The position behind the last one.
    pub end: usize,
}

impl Run<'_> {
    /// Returns the number of entries.
    pub fn length(&self) -> usize {
        self.end - self.start
    }

    /// Returns true if both begin with the same entry of the same container.
    pub fn is_at(&self, other: &Run<'_>) -> bool {
        std::ptr::eq(self.container.bytes(), other.container.bytes()) && self.start == other.start
    }
}

impl<'a, T: Entry<'a>> Piece<'a, T> {
    /// Returns the number of its entries.
    pub fn length(&self) -> usize {
        match self {
            Piece::Run(run) => run.length(),
            Piece::One(_) => 1,
        }
    }

    /// Returns its entries.
    pub fn entries(&self) -> impl Iterator<Item = T> + use<'a, '_, T> {
        (0..self.length()).map(|offset| self.entry(offset))
    }

    /// Returns the entry at an offset.
    pub fn entry(&self, offset: usize) -> T {
        match self {
            Piece::Run(run) => T::read(run.container, run.start + offset),
            Piece::One(entry) => entry.clone(),
        }
    }

    /// Divides a run. A piece of one entry is never divided.
    pub fn split(self, at: usize) -> (Option<Self>, Option<Self>) {
        match self {
            Piece::Run(run) if at > 0 && at < run.length() => {
                let middle = run.start + at;
                (
                    Some(Piece::Run(Run { end: middle, ..run })),
                    Some(Piece::Run(Run {
                        start: middle,
                        ..run
                    })),
                )
            }
            piece if at == 0 => (None, Some(piece)),
            piece => (Some(piece), None),
        }
    }
}
