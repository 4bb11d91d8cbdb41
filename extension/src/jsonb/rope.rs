//! The entries of a container that was opened: those that nobody touched stay where they are.
//!
//! A rope is a balanced tree of pieces. A piece is either one entry of its own or a run of untouched entries, borrowed
//! from the container: `set $.log[5]` on a million elements makes three pieces. A clone shares the tree, and a change
//! copies the path to it: a document can be kept as it was before each of a thousand lists.
//!
//! The tree is a treap: each knot has a random priority above those of its children, which keeps the depth near twice
//! the logarithm without any rotation. Source: Seidel and Aragon, "Randomized search trees", Algorithmica 16 (1996).

use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{Container, check_for_interrupts};

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
    fn length(&self) -> usize {
        self.end - self.start
    }

    fn is_at(&self, other: &Run<'_>) -> bool {
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

    fn entry(&self, offset: usize) -> T {
        match self {
            Piece::Run(run) => T::read(run.container, run.start + offset),
            Piece::One(entry) => entry.clone(),
        }
    }

    /// Divides a run. A piece of one entry is never divided.
    fn split(self, at: usize) -> (Option<Self>, Option<Self>) {
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

type Link<'a, T> = Option<Rc<Knot<'a, T>>>;

#[derive(Clone, Debug)]
struct Knot<'a, T> {
    left: Link<'a, T>,
    piece: Piece<'a, T>,
    right: Link<'a, T>,
    /// Entries in this knot and below.
    length: usize,
    priority: u64,
}

fn length<T>(link: &Link<'_, T>) -> usize {
    link.as_ref().map_or(0, |knot| knot.length)
}

impl<'a, T: Entry<'a>> Knot<'a, T> {
    fn leaf(piece: Piece<'a, T>) -> Rc<Self> {
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
fn concatenate<'a, T: Entry<'a>>(left: Link<'a, T>, right: Link<'a, T>) -> Link<'a, T> {
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
fn split<'a, T: Entry<'a>>(link: Link<'a, T>, at: usize) -> (Link<'a, T>, Link<'a, T>) {
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
        let run = Run {
            container,
            start: 0,
            end: container.count(),
        };
        Rope::from_piece((run.length() > 0).then_some(Piece::Run(run)))
    }

    fn from_piece(piece: Option<Piece<'a, T>>) -> Self {
        Rope {
            root: piece.map(Knot::leaf),
        }
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
        let one = Some(Knot::leaf(Piece::One(entry)));
        self.root = concatenate(self.root.take(), one);
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
                            kept.push_run(Run {
                                start,
                                end: position,
                                ..*run
                            });
                            start = position + 1;
                        }
                    }
                    kept.push_run(Run { start, ..*run });
                }
            }
        }
        *self = kept;
    }

    fn push_run(&mut self, run: Run<'a>) {
        if run.length() > 0 {
            let knot = Some(Knot::leaf(Piece::Run(run)));
            self.root = concatenate(self.root.take(), knot);
        }
    }

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
