//! Functions that the extension's own SQL calls. Their names in SQL begin with an underscore, and their declarations
//! are in `sql/private/`.

mod apply_lists;
mod changed_document;
mod depth_first;
mod panic_for_tests;
mod value_at;
