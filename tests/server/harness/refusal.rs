//! The error of a statement, in a form that can be compared.

use std::fmt::Debug;

use tokio_postgres::Error;

/// Returns SQLSTATE, message, detail and hint of a statement that the server must refuse, a line each.
pub fn refusal<T: Debug>(result: Result<T, Error>) -> String {
    let error = result.expect_err("the statement went through");
    let Some(error) = error.as_db_error() else {
        panic!("not an error of the server: {error}");
    };
    let mut text = format!("{}: {}", error.code().code(), error.message());
    if let Some(detail) = error.detail() {
        text.push_str(&format!("\nDETAIL: {detail}"));
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("\nHINT: {hint}"));
    }
    text
}
