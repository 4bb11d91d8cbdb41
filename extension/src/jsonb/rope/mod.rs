//! The entries of a container that was opened: those that nobody touched stay where they are.
//!
//! A rope is a balanced tree of pieces. A piece is either one entry of its own or a run of untouched entries, borrowed
//! from the container: `set $.log[5]` on a million elements makes three pieces. A clone shares the tree, and a change
//! copies the path to it: a document can be kept as it was before each of a thousand lists.
//!
//! The tree is a treap: each knot has a random priority above those of its children, which keeps the depth near twice
//! the logarithm without any rotation. Source: Seidel and Aragon, "Randomized search trees", Algorithmica 16 (1996).

mod compare;
mod piece;
mod tree;

use std::cmp::Ordering;
use std::rc::Rc;

pub use self::piece::{Entry, Piece, Run};
use self::tree::{Knot, Link, concatenate, length, split};
use super::{Container, check_for_interrupts};

/// The entries of an opened container.
#[derive(Clone, Debug)]
pub struct Rope<'a, T> {
    root: Link<'a, T>,
}

impl<'a, T: Entry<'a>> Rope<'a, T> {
    /// Makes one without entries.
    pub fn new() -> Self {
        Rope { root: None }
    }

    /// Opens a container: nothing of it is touched yet.
    pub fn open(container: Container<'a>) -> Self {
        let mut rope = Rope::new();
        rope.push_piece(Piece::Run(Run {
            container,
            start: 0,
            end: container.count(),
        }));
        rope
    }

    /// Returns the number of entries.
    pub fn length(&self) -> usize {
        length(&self.root)
    }

    /// Returns the pieces in their order.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece<'a, T>> {
        let mut open = Vec::new();
        let mut next = self.root.as_ref();
        std::iter::from_fn(move || {
            while let Some(knot) = next {
                open.push(knot);
                next = knot.left.as_ref();
            }
            let knot: &Rc<Knot<'a, T>> = open.pop()?;
            next = knot.right.as_ref();
            Some(&knot.piece)
        })
    }

    /// Returns the entries in their order.
    pub fn entries(&self) -> impl Iterator<Item = T> {
        self.pieces().flat_map(|piece| {
            check_for_interrupts();
            piece.entries()
        })
    }

    /// Returns the entry at a position, to be changed.
    pub fn get_mut(&mut self, position: usize) -> Option<&mut T> {
        if position >= self.length() {
            return None;
        }
        if !self.is_one(position) {
            let (left, rest) = split(self.root.take(), position);
            let (run, right) = split(rest, 1);
            let one = run.map(|knot| Knot::leaf(Piece::One(knot.piece.entry(0))));
            self.root = concatenate(concatenate(left, one), right);
        }
        let (mut link, mut position) = (self.root.as_mut(), position);
        while let Some(rc) = link {
            let knot = Rc::make_mut(rc);
            let before = length(&knot.left);
            match position.cmp(&before) {
                Ordering::Less => link = knot.left.as_mut(),
                Ordering::Equal if matches!(knot.piece, Piece::One(_)) => {
                    let Piece::One(entry) = &mut knot.piece else {
                        return None;
                    };
                    return Some(entry);
                }
                _ => {
                    position -= before + knot.piece.length();
                    link = knot.right.as_mut();
                }
            }
        }
        None
    }

    fn is_one(&self, position: usize) -> bool {
        let (mut link, mut position) = (self.root.as_ref(), position);
        while let Some(knot) = link {
            let before = length(&knot.left);
            if position < before {
                link = knot.left.as_ref();
            } else if position - before < knot.piece.length() {
                return matches!(knot.piece, Piece::One(_));
            } else {
                position -= before + knot.piece.length();
                link = knot.right.as_ref();
            }
        }
        false
    }

    /// Returns the position of the entry that `compare` finds equal, or else the one at which it would stand. The
    /// entries are in the order of `compare`, which is given an entry and says how it lies to what is sought.
    pub fn search(
        &self,
        compare_one: impl Fn(&T) -> Ordering,
        compare_at: impl Fn(Container<'a>, usize) -> Ordering,
    ) -> Result<usize, usize> {
        let (mut link, mut passed) = (self.root.as_ref(), 0);
        while let Some(knot) = link {
            let before = passed + length(&knot.left);
            let found = match &knot.piece {
                Piece::One(entry) => match compare_one(entry) {
                    Ordering::Less => Err(1),
                    Ordering::Equal => Ok(0),
                    Ordering::Greater => Err(0),
                },
                Piece::Run(run) => search_run(run, &compare_at),
            };
            match found {
                Ok(offset) => return Ok(before + offset),
                Err(0) => link = knot.left.as_ref(),
                Err(offset) if offset == knot.piece.length() => {
                    passed = before + offset;
                    link = knot.right.as_ref();
                }
                Err(offset) => return Err(before + offset),
            }
        }
        Err(passed)
    }

    /// Puts an entry before the one at a position, or at the end.
    pub fn insert(&mut self, position: usize, entry: T) {
        let (left, right) = split(self.root.take(), position);
        let one = Some(Knot::leaf(Piece::One(entry)));
        self.root = concatenate(concatenate(left, one), right);
    }

    /// Puts an entry at the end.
    pub fn push(&mut self, entry: T) {
        self.push_piece(Piece::One(entry));
    }

    /// Takes the entry at a position out.
    pub fn remove(&mut self, position: usize) {
        let (left, rest) = split(self.root.take(), position);
        let (_, right) = split(rest, 1);
        self.root = concatenate(left, right);
    }

    /// Keeps only the last entries.
    pub fn keep_last(&mut self, count: usize) {
        let first = self.length().saturating_sub(count);
        (_, self.root) = split(self.root.take(), first);
    }

    /// Keeps the entries for which `keep` returns true.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let mut kept = Rope::new();
        for piece in self.pieces() {
            match piece {
                Piece::One(entry) => {
                    check_for_interrupts();
                    if keep(entry) {
                        kept.push(entry.clone());
                    }
                }
                Piece::Run(run) => {
                    let mut start = run.start;
                    for position in run.start..run.end {
                        check_for_interrupts();
                        if !keep(&T::read(run.container, position)) {
                            kept.push_piece(Piece::Run(Run {
                                start,
                                end: position,
                                ..*run
                            }));
                            start = position + 1;
                        }
                    }
                    kept.push_piece(Piece::Run(Run { start, ..*run }));
                }
            }
        }
        *self = kept;
    }

    /// Puts a piece at the end, unless it has no entries.
    fn push_piece(&mut self, piece: Piece<'a, T>) {
        if piece.length() > 0 {
            self.root = concatenate(self.root.take(), Some(Knot::leaf(piece)));
        }
    }
}

fn search_run<'a>(
    run: &Run<'a>,
    compare_at: &impl Fn(Container<'a>, usize) -> Ordering,
) -> Result<usize, usize> {
    let (mut low, mut high) = (run.start, run.end);
    while low < high {
        let middle = low + (high - low) / 2;
        match compare_at(run.container, middle) {
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
            Ordering::Equal => return Ok(middle - run.start),
        }
    }
    Err(low - run.start)
}
