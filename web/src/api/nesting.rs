//! How deep the JSON of a request may nest.
//!
//! What a request has for the database is passed on as text and not read here. The database reads it with recursion, and a body
//! of 10 MB of brackets would be refused with an error about its stack.

use crate::Problem;

/// A document of 100 levels, inside of operations of a list of a batch, with some to spare: the most that the client reads too.
const MOST_LEVELS: usize = 127;

/// Checks that arrays and objects nest no deeper than any document may. Whether the text is JSON is not checked.
///
/// # Errors
///
/// 400.
pub(crate) fn check_nesting(text: &[u8]) -> Result<(), Problem> {
    let (mut levels, mut in_string, mut is_escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                levels += 1;
                if levels > MOST_LEVELS {
                    let detail = format!("the JSON text nests more than {MOST_LEVELS} levels");
                    return Err(Problem::invalid(detail));
                }
            }
            b']' | b'}' if !in_string => levels = levels.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> String {
        "[{\"a\":".repeat(levels / 2) + "1" + &"}]".repeat(levels / 2)
    }

    #[test]
    fn text_that_nests_too_deep_is_refused() {
        assert!(check_nesting(nested(126).as_bytes()).is_ok());
        let problem = check_nesting(nested(128).as_bytes()).unwrap_err();
        assert_eq!(problem.status, 400);
        assert!(check_nesting("[".repeat(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn brackets_side_by_side_and_in_texts_do_not_nest() {
        let wide = format!("[{}[]]", "[],{},".repeat(1_000));
        assert!(check_nesting(wide.as_bytes()).is_ok());
        let text = format!(r#"["\"{0}", "\\", "{0}"]"#, "[".repeat(1_000));
        assert!(check_nesting(text.as_bytes()).is_ok());
        let behind = format!(r#"["\"\\", {}"#, "[".repeat(127));
        assert!(check_nesting(behind.as_bytes()).is_err());
    }
}
