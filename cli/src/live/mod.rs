//! What `watch` and `tree` show: pure functions from runs to lines, and a thin edge that writes them.
//!
//! - [`run`] is a run as it is shown. [`measure`] finds progress in its metadata, [`log`] its log lines, [`words`] splits keys.
//! - [`speed`] measures how fast a number grows, [`follow`] keeps that for each number of a run, [`amount`] writes numbers and times.
//! - [`bar`] draws one measure, [`view`] one run, [`family`] the runs of a tree, which [`tree`] keeps, [`plain`] a change where output is no terminal.
//! - [`line`] is text with styles that fits a width; [`screen`] draws lines over those before.

pub(crate) mod amount;
pub(crate) mod bar;
pub(crate) mod family;
pub(crate) mod follow;
pub(crate) mod line;
pub(crate) mod log;
pub(crate) mod measure;
pub(crate) mod plain;
pub(crate) mod run;
pub(crate) mod screen;
pub(crate) mod speed;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
pub(crate) mod view;
pub(crate) mod words;
