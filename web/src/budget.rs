//! Memory that many share, in bytes. A budget may be a part of another one: what is taken of it is taken of both.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::body::Bytes;
use runmeta_client::Reserve;

/// What is left of it; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    used: AtomicUsize,
    /// What it is a part of.
    whole: Option<Budget>,
}

/// Where there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// In a part.
    Part,
    /// In the whole, which is a part of none.
    Whole,
}

/// A part of the budget, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    bytes: usize,
}

/// A text with its share: it is given back when the last connection has sent it.
struct Counted {
    text: Bytes,
    _share: Share,
}

impl Inner {
    /// Takes bytes, if they are left when each budget has this part of what it has.
    fn take(&self, bytes: usize, divisor: usize) -> Result<(), Full> {
        let most = self.most / divisor;
        let add = |used: usize| used.checked_add(bytes).filter(|used| *used <= most);
        let taken = self.used.try_update(Relaxed, Relaxed, add);
        let Some(Budget(whole)) = &self.whole else {
            return taken.map(drop).map_err(|_| Full::Whole);
        };
        taken.map_err(|_| Full::Part)?;
        whole.take(bytes, divisor).inspect_err(|_| {
            self.used.fetch_sub(bytes, Relaxed);
        })
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
        if let Some(Budget(whole)) = &self.whole {
            whole.give_back(bytes);
        }
    }
}

impl Budget {
    pub(crate) fn new(most: usize) -> Budget {
        Budget::of(most, None)
    }

    /// Makes a budget of a part of this one.
    pub(crate) fn part(&self, divisor: usize) -> Budget {
        Budget::of(self.0.most / divisor, Some(self.clone()))
    }

    fn of(most: usize, whole: Option<Budget>) -> Budget {
        let used = AtomicUsize::new(0);
        Budget(Arc::new(Inner { most, used, whole }))
    }

    /// Returns true for a clone of this one.
    pub(crate) fn is(&self, other: &Budget) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns how many bytes are taken.
    pub(crate) fn used(&self) -> usize {
        self.0.used.load(Relaxed)
    }

    /// Takes so many bytes.
    ///
    /// # Errors
    ///
    /// They are not left.
    pub(crate) fn take(&self, bytes: usize) -> Result<Share, Full> {
        self.take_within(bytes, 1)
    }

    /// Checks that something is left.
    ///
    /// # Errors
    ///
    /// Nothing is.
    pub(crate) fn check(&self) -> Result<(), Full> {
        self.take(1).map(drop)
    }

    /// Takes so many bytes for what only saves work, if half of all are left.
    pub(crate) fn spare(&self, bytes: usize) -> Option<Share> {
        self.take_within(bytes, 2).ok()
    }

    /// Makes a text of about so many bytes, if they are left.
    pub(crate) fn text(&self, bytes: usize, make: impl FnOnce() -> Bytes) -> Option<Bytes> {
        let share = self.take(bytes).ok()?;
        Some(share.with(make()))
    }

    fn take_within(&self, bytes: usize, divisor: usize) -> Result<Share, Full> {
        self.0.take(bytes, divisor)?;
        let budget = self.clone();
        Ok(Share { budget, bytes })
    }
}

impl Share {
    /// Has it hold so many bytes, more or fewer than before.
    ///
    /// # Errors
    ///
    /// They are not left; then it holds as many as before. Fewer are always left.
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), Full> {
        let Budget(budget) = &self.budget;
        match bytes.checked_sub(self.bytes) {
            Some(more) => budget.take(more, 1)?,
            None => budget.give_back(self.bytes - bytes),
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Returns a text that holds it, until the last clone is dropped: when the last connection has sent it.
    pub(crate) fn with(self, text: Bytes) -> Bytes {
        Bytes::from_owner(Counted { text, _share: self })
    }
}

/// What the client reads ahead for a reader of a stream.
impl Reserve for Share {
    fn resize(&mut self, bytes: usize) -> bool {
        Share::resize(self, bytes).is_ok()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.give_back(self.bytes);
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = Budget::new(10);
        let text = |bytes| budget.text(bytes, || Bytes::from_static(b"text"));
        let all = text(10).unwrap();
        let clone = all.clone();
        drop(all);
        assert!(text(1).is_none(), "a clone is left");
        drop(clone);
        assert!(text(10).is_some_and(|text| *text == *b"text"));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn part_holds_nothing_of_what_the_whole_refuses() {
        let whole = Budget::new(100);
        let (one, other) = (whole.part(2), whole.part(1));
        let mut first = one.take(40).unwrap();
        assert_eq!(one.take(11).unwrap_err(), Full::Part);
        assert_eq!(other.take(61).unwrap_err(), Full::Whole);
        assert_eq!((one.used(), other.used(), whole.used()), (40, 0, 40));
        let second = other.take(50).unwrap();
        assert_eq!(first.resize(51), Err(Full::Part));
        assert_eq!(first.resize(50), Ok(()));
        assert_eq!(whole.take(1).unwrap_err(), Full::Whole);
        assert_eq!(first.resize(10), Ok(()));
        assert_eq!((one.used(), whole.used()), (10, 60));
        drop((first, second));
        assert_eq!((one.used(), other.used(), whole.used()), (0, 0, 0));
    }

    #[test]
    fn what_only_saves_work_takes_half() {
        let budget = Budget::new(10);
        let kept = budget.spare(5);
        assert!(kept.is_some() && budget.spare(1).is_none());
        assert!(budget.text(5, Bytes::new).is_some());
    }
}
