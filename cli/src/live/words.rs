//! Keys as words: `processedRows`, `processed_rows` and `processed-rows` are the same.

/// Splits a key into words in lower case.
pub(crate) fn words(key: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before_lower = false;
    for letter in key.chars() {
        let begins = letter.is_uppercase() && before_lower;
        if (begins || !letter.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
        before_lower = letter.is_lowercase() || letter.is_numeric();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_all_spellings_have_the_same_words() {
        for key in [
            "processedRows",
            "processed_rows",
            "processed-rows",
            "Processed Rows",
        ] {
            assert_eq!(words(key), ["processed", "rows"], "{key}");
        }
        assert_eq!(words("rowsURL2Total"), ["rows", "url2", "total"]);
        assert_eq!(words("__"), Vec::<String>::new());
    }
}
