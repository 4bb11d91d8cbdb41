//! The treap that a rope is: knots, and the two operations that all others are made of.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::piece::{Entry, Piece};

/// A tree, or none.
pub type Link<'a, T> = Option<Rc<Knot<'a, T>>>;

/// A piece with the tree before it and the tree behind it.
#[derive(Clone, Debug)]
pub struct Knot<'a, T> {
    /// What stands before the piece.
    pub left: Link<'a, T>,
    /// The piece.
    pub piece: Piece<'a, T>,
    /// What stands behind it.
    pub right: Link<'a, T>,
    /// Entries in this knot and below.
    pub length: usize,
    priority: u64,
}

/// Returns the number of entries.
pub fn length<T>(link: &Link<'_, T>) -> usize {
    link.as_ref().map_or(0, |knot| knot.length)
}

impl<'a, T: Entry<'a>> Knot<'a, T> {
    /// Makes a tree of one piece.
    pub fn leaf(piece: Piece<'a, T>) -> Rc<Self> {
        // The splitmix64 sequence: priorities need not be unforeseeable, only spread.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut priority = COUNT.fetch_add(0x9E37_79B9_7F4A_7C15, Relaxed);
        priority = (priority ^ (priority >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        priority = (priority ^ (priority >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Rc::new(Knot {
            left: None,
            length: piece.length(),
            piece,
            right: None,
            priority: priority ^ (priority >> 31),
        })
    }

    fn measure(&mut self) {
        self.length = length(&self.left) + self.piece.length() + length(&self.right);
    }
}

/// Puts the entries of `right` behind those of `left`.
pub fn concatenate<'a, T: Entry<'a>>(left: Link<'a, T>, right: Link<'a, T>) -> Link<'a, T> {
    let (mut left, mut right) = match (left, right) {
        (Some(left), Some(right)) => (left, right),
        (left, right) => return left.or(right),
    };
    if left.priority >= right.priority {
        let knot = Rc::make_mut(&mut left);
        knot.right = concatenate(knot.right.take(), Some(right));
        knot.measure();
        Some(left)
    } else {
        let knot = Rc::make_mut(&mut right);
        knot.left = concatenate(Some(left), knot.left.take());
        knot.measure();
        Some(right)
    }
}

/// Divides a tree before the entry at a position.
pub fn split<'a, T: Entry<'a>>(link: Link<'a, T>, at: usize) -> (Link<'a, T>, Link<'a, T>) {
    let Some(mut rc) = link else {
        return (None, None);
    };
    if at == 0 {
        return (None, Some(rc));
    }
    if at >= rc.length {
        return (Some(rc), None);
    }
    let knot = Rc::make_mut(&mut rc);
    let before = length(&knot.left);
    let behind = before + knot.piece.length();
    if at <= before {
        let (left, rest) = split(knot.left.take(), at);
        knot.left = rest;
        knot.measure();
        (left, Some(rc))
    } else if at >= behind {
        let (rest, right) = split(knot.right.take(), at - behind);
        knot.right = rest;
        knot.measure();
        (Some(rc), right)
    } else {
        let (left, right) = (knot.left.take(), knot.right.take());
        let (first, second) = knot.piece.clone().split(at - before);
        (
            concatenate(left, first.map(Knot::leaf)),
            concatenate(second.map(Knot::leaf), right),
        )
    }
}
