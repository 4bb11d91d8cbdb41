//! What each connection of the client's own is given: a role, and settings that row-level security may read.
//!
//! They travel in the start-up packet, so that no statement runs without them. A pooler may drop them there without an error
//! (PgBouncer with `ignore_startup_parameters = options` does), and then row-level security would show the rows of another
//! role; so each new connection is asked for them before it is used.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config};

use crate::Error;

const DIFFERENT: &str = include_str!("sql/different_setting.sql");

/// Settings of each connection, in the order in which they were given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session(Vec<(String, String)>);

impl Session {
    /// Adds a setting.
    pub(crate) fn set(&mut self, name: String, value: String) {
        self.0.push((name, value));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the settings to those of the address.
    ///
    /// # Errors
    ///
    /// A name is not one of a setting, or a value has the character U+0000.
    pub(crate) fn put_into(&self, config: &mut Config) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        let mut options = config.get_options().unwrap_or_default().to_owned();
        for (name, value) in &self.0 {
            if !is_name(name) {
                return Err(Error::settings(
                    format!("\"{}\" is no name of a setting", name.escape_debug()),
                    None,
                ));
            }
            if value.contains('\0') {
                return Err(Error::settings(
                    format!("the setting {name} contains the character U+0000"),
                    None,
                ));
            }
            options.push_str(if options.is_empty() { "-c " } else { " -c " });
            options.push_str(name);
            options.push('=');
            for letter in value.chars() {
                // The server splits options at blanks, and takes what follows a backslash as it is.
                if letter.is_ascii_whitespace() || letter == '\\' || letter == '\u{b}' {
                    options.push('\\');
                }
                options.push(letter);
            }
        }
        config.options(options);
        Ok(())
    }

    /// Checks that the connection has the role and the settings with a dot in their name. The values of others are
    /// reported in another form than they were given, `64MB` for `65536kB`, and no policy depends on them.
    ///
    /// # Errors
    ///
    /// One of them has another value.
    pub(crate) async fn check(&self, client: &Client) -> Result<(), Error> {
        let mut last: Vec<(&str, &str)> = Vec::new();
        for (name, value) in &self.0 {
            if name == "role" || name.contains('.') {
                last.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
                last.push((name, value));
            }
        }
        if last.is_empty() {
            return Ok(());
        }
        let (names, values): (Vec<&str>, Vec<&str>) = last.into_iter().unzip();
        let different = client
            .query_typed(
                DIFFERENT,
                &[(&names, Type::TEXT_ARRAY), (&values, Type::TEXT_ARRAY)],
            )
            .await
            .map_err(Error::statement)?;
        match different.first() {
            None => Ok(()),
            Some(row) => Err(Error::settings(
                format!(
                    "the connection does not keep the setting {}: a pooler in between drops it",
                    row.get::<_, &str>(0)
                ),
                None,
            )),
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let mut letters = part.chars();
        letters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$'))
    };
    name.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(settings: &[(&str, &str)], before: Option<&str>) -> Result<String, String> {
        let mut session = Session::default();
        for (name, value) in settings {
            session.set((*name).to_owned(), (*value).to_owned());
        }
        let mut config = Config::new();
        if let Some(before) = before {
            config.options(before);
        }
        let put = session
            .put_into(&mut config)
            .map_err(|error| error.to_string());
        put.map(|()| config.get_options().unwrap_or_default().to_owned())
    }

    #[test]
    fn values_are_escaped_as_the_server_splits_them() {
        assert_eq!(
            options(&[("role", "web"), ("app.tenant", "a b\\c -c x=1")], None).unwrap(),
            "-c role=web -c app.tenant=a\\ b\\\\c\\ -c\\ x=1"
        );
        assert_eq!(
            options(&[("role", "web")], Some("-c work_mem=4MB")).unwrap(),
            "-c work_mem=4MB -c role=web"
        );
        assert_eq!(options(&[], None).unwrap(), "");
    }

    #[test]
    fn names_are_those_of_settings() {
        for bad in ["", "a b", "a=b", "a.", ".a", "1a", "a\\", "a-b"] {
            assert!(options(&[(bad, "x")], None).is_err(), "{bad}");
        }
        assert!(options(&[("app.tenant_1", "x")], None).is_ok());
        assert!(options(&[("app.tenant", "a\0")], None).is_err());
    }
}
