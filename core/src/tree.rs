//! What a document must be able to do, so that operations can be applied to it.

use crate::BadValue;

/// The six kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// An exact decimal number.
    Number,
    /// A text.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A JSON value, changed in place.
///
/// Methods named for objects or arrays are called only on values of that kind; on others they do
/// nothing and find nothing. A clone must be independent: a list applied twice gives the same.
pub trait Tree: Clone {
    /// Returns `null`.
    fn null() -> Self;

    /// Returns the number 1.
    fn one() -> Self;

    /// Returns an empty object.
    fn object() -> Self;

    /// Returns an array of these elements.
    fn array(elements: Vec<Self>) -> Self;

    /// Returns what kind of value this is.
    fn kind(&self) -> Kind;

    /// Returns the text of a string, and `None` of anything else.
    fn as_str(&self) -> Option<&str>;

    /// Returns a number that is whole and fits.
    fn as_u64(&self) -> Option<u64>;

    /// Calls `visit` with each member of an object.
    fn each_member(&self, visit: &mut dyn FnMut(&str, &Self));

    /// Calls `visit` with each element of an array.
    fn each_element(&self, visit: &mut dyn FnMut(&Self));

    /// Returns the member of an object with this name, to be changed.
    fn member_mut(&mut self, name: &str) -> Option<&mut Self>;

    /// Returns the member of an object with this name, made as `null` if it was missing, and
    /// whether it was there before.
    fn member_or_null(&mut self, name: &str) -> (&mut Self, bool);

    /// Takes the member with this name out of an object.
    fn remove_member(&mut self, name: &str);

    /// Returns the number of elements of an array.
    fn length(&self) -> usize;

    /// Returns the element of an array at this position, to be changed.
    fn element_mut(&mut self, position: usize) -> Option<&mut Self>;

    /// Adds an element at the end of an array.
    fn push(&mut self, element: Self);

    /// Takes the element at this position out of an array.
    fn remove_element(&mut self, position: usize);

    /// Takes every element that is deep-equal to `value` out of an array.
    fn remove_equal(&mut self, value: &Self);

    /// Keeps only the last `count` elements of an array.
    fn keep_last(&mut self, count: u64);

    /// Returns the exact sum of two numbers, or `None` if one is no number or the sum has more
    /// digits than Postgres can hold.
    fn sum(&self, other: &Self) -> Option<Self>;

    /// Checks that the value can be stored `level` levels deep in a document: 1 for a member of
    /// the document itself.
    ///
    /// # Errors
    ///
    /// [`BadValue::TooDeep`] and whatever else the form of the document cannot hold.
    fn check(&self, level: usize) -> Result<(), BadValue>;

    /// Estimates the bytes of memory that the value takes beside its own place. Only lists that are kept in memory to be
    /// sent later ask for it.
    fn weight(&self) -> usize {
        0
    }

    /// Called between operations, so that long work can be cancelled.
    fn interrupt_point() {}
}
