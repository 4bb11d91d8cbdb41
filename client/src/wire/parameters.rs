//! The parameters of a URL that concern encryption.
//!
//! `tokio-postgres` rejects parameters that it does not know, and knows `sslmode` only in part, so they are removed before
//! it parses the rest, mistakes included. The text is split where `tokio-postgres` splits it, so that a password that
//! contains `sslmode=` stays one. The crate `url` does not serve: it rejects several hosts, and decodes `+` as a space.

use std::ops::Range;

use percent_encoding::percent_decode_str;

/// The parameters of encryption.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Parameters {
    pub(crate) mode: Option<String>,
    pub(crate) root_certificate: Option<String>,
    pub(crate) certificate: Option<String>,
    pub(crate) key: Option<String>,
}

impl Parameters {
    /// Stores a parameter if it is one of these; the last of a name counts.
    fn store(&mut self, name: &str, value: String) -> bool {
        let place = match name {
            "sslmode" => &mut self.mode,
            "sslrootcert" => &mut self.root_certificate,
            "sslcert" => &mut self.certificate,
            "sslkey" => &mut self.key,
            _ => return false,
        };
        *place = Some(value);
        true
    }
}

/// Returns the text without the parameters of encryption, and these.
pub(crate) fn take(text: &str) -> (String, Parameters) {
    let is_url = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    match is_url {
        true => take_from_url(text),
        false => take_from_pairs(text),
    }
}

fn take_from_url(url: &str) -> (String, Parameters) {
    let mut parameters = Parameters::default();
    // The user's name and password end with the first `@`.
    let host = url.find('@').map_or(0, |position| position + 1);
    let Some(query) = url[host..].find('?').map(|position| host + position + 1) else {
        return (url.to_owned(), parameters);
    };
    let rest: Vec<&str> = url[query..]
        .split('&')
        .filter(|pair| !take_encoded(pair, &mut parameters))
        .collect();
    (format!("{}{}", &url[..query], rest.join("&")), parameters)
}

fn take_encoded(pair: &str, parameters: &mut Parameters) -> bool {
    let decoded = |text| percent_decode_str(text).decode_utf8();
    let Some((Ok(name), Ok(value))) = pair
        .split_once('=')
        .map(|(name, value)| (decoded(name), decoded(value)))
    else {
        return false;
    };
    parameters.store(&name, value.into_owned())
}

fn take_from_pairs(text: &str) -> (String, Parameters) {
    let mut parameters = Parameters::default();
    let mut rest = String::new();
    let mut scanner = Scanner { text, position: 0 };
    let mut kept = 0;
    while let Some((range, name, value)) = scanner.pair() {
        if parameters.store(name, value) {
            rest.push_str(&text[kept..range.start]);
            kept = range.end;
        }
    }
    rest.push_str(&text[kept..]);
    (rest, parameters)
}

/// Reads `name = value name='another value'`, with `\` before any character that is meant literally.
struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Scanner<'a> {
    /// Returns where the next pair is, its name and its value; none at the end, or where a mistake is.
    fn pair(&mut self) -> Option<(Range<usize>, &'a str, String)> {
        self.skip(char::is_whitespace);
        let start = self.position;
        self.skip(|letter| letter != '=' && !letter.is_whitespace());
        let name = &self.text[start..self.position];
        self.skip(char::is_whitespace);
        self.eat('=')?;
        self.skip(char::is_whitespace);
        let value = match self.eat('\'') {
            Some(()) => {
                let value = self.value(|letter| letter == '\'');
                self.eat('\'')?;
                value
            }
            None => Some(self.value(char::is_whitespace)).filter(|value| !value.is_empty())?,
        };
        Some((start..self.position, name, value))
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.text[self.position..].chars().next()?;
        self.position += letter.len_utf8();
        Some(letter)
    }

    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        let rest = &self.text[self.position..];
        self.position += rest.len() - rest.trim_start_matches(skipped).len();
    }

    fn eat(&mut self, letter: char) -> Option<()> {
        if !self.text[self.position..].starts_with(letter) {
            return None;
        }
        self.position += letter.len_utf8();
        Some(())
    }

    fn value(&mut self, end: impl Fn(char) -> bool) -> String {
        let mut value = String::new();
        while let Some(letter) = self.text[self.position..].chars().next() {
            if end(letter) {
                break;
            }
            self.next();
            match letter {
                '\\' => value.extend(self.next()),
                letter => value.push(letter),
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_postgres::Config;

    use super::*;

    #[test]
    fn parameters_are_found_however_they_are_written() {
        for text in [
            "postgres://h/d?sslmode=verify-full",
            "postgresql://h?user=u&sslmode=verify-full&port=1",
            "postgres://u:p@h/d?%73slmode=verify%2Dfull",
            "postgres://h/d?sslmode=disable&sslmode=verify-full",
            "host=h sslmode=verify-full",
            "sslmode = 'verify-full' host=h",
            "host='h'sslmode='verify\\-full'user=u",
            "host=h =x sslmode=verify-full",
        ] {
            assert_eq!(take(text).1.mode.as_deref(), Some("verify-full"), "{text}");
        }
    }

    #[test]
    fn password_that_looks_like_a_parameter_stays_as_it_is() {
        for (text, password) in [
            (
                "postgres://u:?sslmode=verify-full&x@h/d?sslmode=require",
                "?sslmode=verify-full&x",
            ),
            (
                "postgres://u:sslmode=verify-full@h/d?sslmode=require",
                "sslmode=verify-full",
            ),
            (
                "host=h password='a sslmode=verify-full b' sslmode=require",
                "a sslmode=verify-full b",
            ),
            (
                r"host=h password=a\ sslmode=verify-full sslmode=require",
                "a sslmode=verify-full",
            ),
        ] {
            let (rest, parameters) = take(text);
            let config: Config = rest.parse().unwrap();
            assert_eq!(config.get_password(), Some(password.as_bytes()), "{text}");
            assert_eq!(parameters.mode.as_deref(), Some("require"), "{text}");
        }
    }

    #[test]
    fn rest_reads_as_if_they_had_not_been_there() {
        let expected: Config = "host=h user=u dbname=d port=5433".parse().unwrap();
        for text in [
            "postgres://u@h:5433/d?sslrootcert=%2Fa%20b&sslmode=require",
            "host=h user=u sslrootcert='/a b' dbname=d sslmode=require port=5433",
            "sslmode=require host=h user=u dbname=d port=5433 sslrootcert=/a\\ b",
        ] {
            let (rest, parameters) = take(text);
            assert_eq!(rest.parse::<Config>().unwrap(), expected, "{text}");
            assert_eq!(
                parameters,
                Parameters {
                    mode: Some("require".to_owned()),
                    root_certificate: Some("/a b".to_owned()),
                    ..Parameters::default()
                }
            );
        }
    }

    proptest! {
        #[test]
        fn texts_are_cut_where_tokio_postgres_cuts_them(
            text in r"(postgres://)?([a-z:@/?& '\\=%é]|host=h|user=u|sslmode|=|disable|prefer|require|password='){0,16}"
        ) {
            // A value without a name makes tokio-postgres overlook the rest, and nothing here.
            let mut pairs = Scanner { text: &text, position: 0 };
            if std::iter::from_fn(|| pairs.pair()).any(|(_, name, _)| name.is_empty()) {
                return Ok(());
            }
            let (rest, parameters) = take(&text);
            match (text.parse::<Config>(), rest.parse::<Config>()) {
                (Ok(theirs), Ok(mut ours)) => {
                    let mode = parameters.mode.as_deref().unwrap_or("prefer");
                    prop_assert_eq!(format!("{:?}", theirs.get_ssl_mode()).to_lowercase(), mode);
                    ours.ssl_mode(theirs.get_ssl_mode());
                    prop_assert_eq!(ours, theirs);
                }
                (Err(_), Ok(_)) => {
                    // What is refused here is refused by whoever looks at the mode.
                    prop_assert!(!matches!(parameters.mode.as_deref(), None | Some("disable" | "prefer" | "require")), "{:?}", text);
                }
                (theirs, Err(_)) => prop_assert!(theirs.is_err()),
            }
        }
    }
}
