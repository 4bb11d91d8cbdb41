//! The file of passwords that libpq reads: `PGPASSFILE`, or `.pgpass` in the home folder.
//!
//! A line is `host:port:database:user:password`, where `*` matches anything and `\` makes `:` and `\` literal. The first line
//! that matches counts.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Once;

use super::settings::Settings;

/// Bits of a file's mode that let others than its owner read or change it.
const OTHERS: u32 = 0o077;

/// Finds the password for a connection. Of several hosts, that of the first one which has a line.
pub(super) fn password(
    settings: &Settings,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let path = match variable("PGPASSFILE") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(variable("HOME")?).join(".pgpass"),
    };
    let metadata = std::fs::metadata(&path)
        .ok()
        .filter(std::fs::Metadata::is_file)?;
    if metadata.permissions().mode() & OTHERS != 0 {
        // A command connects more than once.
        static WARNED: Once = Once::new();
        WARNED.call_once(|| {
            let _ = writeln!(
                std::io::stderr(),
                "warning: the password file {} is ignored, because others may read it; chmod 600 makes it private",
                crate::printable::printable(&path.display().to_string())
            );
        });
        return None;
    }
    let text = std::fs::read_to_string(&path).ok()?;
    let user = settings
        .get("user")
        .map(str::to_owned)
        .or_else(|| variable("USER"))?;
    let database = settings.get("dbname").unwrap_or(&user);
    let hosts = settings
        .get("host")
        .or(settings.get("hostaddr"))
        .unwrap_or("localhost")
        .split(',');
    let ports: Vec<&str> = settings.get("port").unwrap_or("5432").split(',').collect();
    let mut places = hosts.enumerate().map(|(index, host)| {
        let port = ports
            .get(index)
            .or(ports.first())
            .copied()
            .unwrap_or("5432");
        // The usual sockets stand for this machine, as in libpq.
        let host = if super::environment::is_usual_socket(host) {
            "localhost"
        } else {
            host
        };
        [host, port, database, &user].map(str::to_owned)
    });
    places.find_map(|place| find(&text, &place))
}

/// Finds the password of the first line that matches host, port, database and user.
fn find(text: &str, place: &[String; 4]) -> Option<String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let fields = fields(line);
            let (password, names) = fields.split_last()?;
            let matches = names.len() == place.len()
                && names
                    .iter()
                    .zip(place)
                    .all(|(name, wanted)| name == "*" || *name == literal(wanted));
            matches.then(|| unescaped(password))
        })
}

/// Splits a line at the first four colons that are not escaped. What was escaped stays so, to distinguish `\*` from `*`.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == ':' && fields.len() < 5 {
            fields.push(String::new());
        } else if let Some(field) = fields.last_mut() {
            field.push(letter);
            if letter == '\\' {
                field.extend(letters.next());
            }
        }
    }
    fields
}

/// Writes a name as a line of the file has it.
fn literal(name: &str) -> String {
    name.replace('\\', "\\\\").replace(':', "\\:")
}

fn unescaped(text: &str) -> String {
    let mut letters = text.chars();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.extend(letters.next()),
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# host:port:database:user:password\nshort:line\nh:5432:d:other:no\nh:*:d:u:a\\:b\\\\c:d\n*:*:*:u:last\n\\:\\:1:5432:*:v:six\n";

    fn found(host: &str, user: &str) -> Option<String> {
        find(FILE, &[host, "5432", "d", user].map(str::to_owned))
    }

    #[test]
    fn first_line_that_matches_counts() {
        assert_eq!(found("h", "u").as_deref(), Some("a:b\\c:d"));
        assert_eq!(found("g", "u").as_deref(), Some("last"));
        assert_eq!(found("::1", "v").as_deref(), Some("six"));
        assert_eq!(found("h", "nobody"), None);
    }

    #[test]
    fn file_that_others_may_read_is_ignored() {
        let path = std::env::temp_dir().join(format!("runmeta-passfile-{}", std::process::id()));
        std::fs::write(&path, "*:*:*:*:secret\n").unwrap();
        let settings = Settings::parse("host=h user=u").unwrap();
        let variable = |name: &str| (name == "PGPASSFILE").then(|| path.display().to_string());
        let of_mode = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            password(&settings, variable)
        };
        assert_eq!(of_mode(0o640), None);
        assert_eq!(of_mode(0o600).as_deref(), Some("secret"));
        std::fs::remove_file(&path).unwrap();
    }
}
