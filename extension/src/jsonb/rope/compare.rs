//! Comparing two ropes without looking at what they share.

use std::rc::Rc;

use super::Rope;
use super::piece::{Entry, Piece, Run};
use super::tree::{Knot, Link};
use crate::jsonb::check_for_interrupts;

impl<'a, T: Entry<'a>> Rope<'a, T> {
    /// Returns true if both have as many entries and `same` holds for each two. What both share is not looked at.
    pub fn is_same(&self, other: &Self, same: impl Fn(&T, &T) -> bool) -> bool {
        if self.length() != other.length() {
            return false;
        }
        let (mut left, mut right) = (Walk::new(&self.root), Walk::new(&other.root));
        loop {
            check_for_interrupts();
            match (left.next(), right.next()) {
                (None, None) => return true,
                (Some(Part::Tree(one)), Some(Part::Tree(other))) => {
                    if Rc::ptr_eq(one, other) {
                        continue;
                    }
                    // The larger one may contain the other.
                    if one.length >= other.length {
                        left.enter(one);
                        right.put_back(Part::Tree(other));
                    } else {
                        left.put_back(Part::Tree(one));
                        right.enter(other);
                    }
                }
                (Some(Part::Tree(one)), Some(part)) => {
                    left.enter(one);
                    right.put_back(part);
                }
                (Some(part), Some(Part::Tree(other))) => {
                    left.put_back(part);
                    right.enter(other);
                }
                (Some(Part::Rest(one, first)), Some(Part::Rest(other, second))) => {
                    let count = match (one, other) {
                        (Piece::Run(one_run), Piece::Run(other_run))
                            if at(one_run, first).is_at(&at(other_run, second)) =>
                        {
                            (one.length() - first).min(other.length() - second)
                        }
                        _ if same(&one.entry(first), &other.entry(second)) => 1,
                        _ => return false,
                    };
                    left.put_back_rest(one, first + count);
                    right.put_back_rest(other, second + count);
                }
                _ => return false,
            }
        }
    }
}

fn at<'a>(run: &Run<'a>, offset: usize) -> Run<'a> {
    Run {
        start: run.start + offset,
        ..*run
    }
}

/// A part of a rope that is still to be compared.
enum Part<'n, 'a, T> {
    Tree(&'n Rc<Knot<'a, T>>),
    /// The piece from this offset on.
    Rest(&'n Piece<'a, T>, usize),
}

/// A walk through a rope in order, which may pass over whole trees.
struct Walk<'n, 'a, T> {
    open: Vec<Part<'n, 'a, T>>,
}

impl<'n, 'a, T: Entry<'a>> Walk<'n, 'a, T> {
    fn new(root: &'n Link<'a, T>) -> Self {
        Walk {
            open: root.iter().map(Part::Tree).collect(),
        }
    }

    fn next(&mut self) -> Option<Part<'n, 'a, T>> {
        self.open.pop()
    }

    fn put_back(&mut self, part: Part<'n, 'a, T>) {
        self.open.push(part);
    }

    fn put_back_rest(&mut self, piece: &'n Piece<'a, T>, offset: usize) {
        if offset < piece.length() {
            self.open.push(Part::Rest(piece, offset));
        }
    }

    fn enter(&mut self, knot: &'n Rc<Knot<'a, T>>) {
        self.open.extend(knot.right.as_ref().map(Part::Tree));
        self.open.push(Part::Rest(&knot.piece, 0));
        self.open.extend(knot.left.as_ref().map(Part::Tree));
    }
}
