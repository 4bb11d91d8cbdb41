//! The settings of a connection, as a URL or a string of pairs gives them, and back as pairs.

use std::fmt::Write;

/// Names and values, the first of a name first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings(Vec<(String, String)>);

impl Settings {
    /// Parses what `tokio-postgres` takes; none if it is malformed, which `tokio-postgres` describes better.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let scheme = ["postgres://", "postgresql://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        let mut settings = Self::default();
        match scheme {
            Some(rest) => settings.read_url(rest)?,
            None => settings.read_pairs(text)?,
        }
        Some(settings)
    }

    /// Returns the last value of a name, which is the one that counts.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// Adds a setting.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// Adds a setting that is not empty.
    fn give(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.set(name, value);
        }
    }

    fn read_url(&mut self, rest: &str) -> Option<()> {
        // As `tokio-postgres` does: the name and the password end with the first `@`.
        let (credentials, rest) = rest.split_once('@').unwrap_or(("", rest));
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        self.give("user", &decoded(user)?);
        self.give("password", &decoded(password)?);
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
        self.read_hosts(hosts)?;
        self.give("dbname", &decoded(database)?);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=')?;
            self.set(&decoded(name)?, &decoded(value)?);
        }
        Some(())
    }

    fn read_hosts(&mut self, hosts: &str) -> Option<()> {
        let (mut names, mut ports) = (Vec::new(), Vec::new());
        for host in hosts.split(',') {
            let (name, port) = match host.strip_prefix('[') {
                Some(address) => address.split_once(']')?,
                None => host.split_at(host.find(':').unwrap_or(host.len())),
            };
            names.push(decoded(name)?);
            ports.push(decoded(port.strip_prefix(':').unwrap_or_default())?);
        }
        if ports.iter().any(|port| !port.is_empty()) {
            let default = |port: String| {
                if port.is_empty() {
                    "5432".to_owned()
                } else {
                    port
                }
            };
            let ports: Vec<String> = ports.into_iter().map(default).collect();
            self.set("port", &ports.join(","));
        }
        self.give("host", &names.join(","));
        Some(())
    }

    /// Reads `name = value name='another value'`, with `\` before any character that is meant literally.
    fn read_pairs(&mut self, text: &str) -> Option<()> {
        let mut letters = text.chars().peekable();
        let blank = |letter: &char| letter.is_whitespace();
        loop {
            while letters.next_if(blank).is_some() {}
            if letters.peek().is_none() {
                return Some(());
            }
            let mut name = String::new();
            while let Some(letter) =
                letters.next_if(|letter| *letter != '=' && !letter.is_whitespace())
            {
                name.push(letter);
            }
            while letters.next_if(blank).is_some() {}
            letters.next_if_eq(&'=')?;
            while letters.next_if(blank).is_some() {}
            let quoted = letters.next_if_eq(&'\'').is_some();
            let mut value = String::new();
            while let Some(letter) = letters.next_if(|letter| {
                if quoted {
                    *letter != '\''
                } else {
                    !letter.is_whitespace()
                }
            }) {
                match letter {
                    '\\' => value.extend(letters.next()),
                    letter => value.push(letter),
                }
            }
            if quoted {
                letters.next_if_eq(&'\'')?;
            }
            self.set(&name, &value);
        }
    }
}

impl std::fmt::Display for Settings {
    /// Writes pairs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{name}='")?;
            for letter in value.chars() {
                if matches!(letter, '\'' | '\\') {
                    f.write_char('\\')?;
                }
                f.write_char(letter)?;
            }
            f.write_char('\'')?;
        }
        Ok(())
    }
}

/// Decodes `%20` and the like; none if that is malformed.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use tokio_postgres::Config;

    use super::*;

    #[test]
    fn pairs_connect_as_the_url_they_come_from_does() {
        for text in [
            "postgres://u%20s:p%27w%5C@h:1,g/d%2F?application_name=a%20b&connect_timeout=3",
            "postgresql://h",
            "postgres://[::1]:6/x",
            "postgres://%2Frun%2Fpostgresql:77/x?user=me",
            "postgres:///x?host=h&host=g",
            "host=h port = 5 password='a \\'b\\\\' user=x\\ y",
            "host=a,b port=1,2",
        ] {
            let settings = Settings::parse(text).expect(text);
            let config = |text: &str| {
                let mut config: Config = text.parse().expect(text);
                // A URL without a port has the usual one.
                if config.get_ports().is_empty() {
                    config.port(5432);
                }
                config
            };
            assert_eq!(config(&settings.to_string()), config(text), "{settings}");
        }
    }

    #[test]
    fn malformed_text_gives_none() {
        for text in [
            "postgres://h/%zz",
            "postgres://[::1",
            "host",
            "host='h",
            "postgres://h?x",
        ] {
            assert_eq!(Settings::parse(text), None, "{text}");
        }
    }
}
