//! Settings of a connection in the variables of libpq: they fill in what the URL leaves open.

use super::passfile;
use super::settings::Settings;
use crate::error::Error;

/// Variables of libpq and the settings that they give. Where the server is comes first.
const VARIABLES: [(&str, &str); 17] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGOPTIONS", "options"),
    ("PGAPPNAME", "application_name"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
];

/// Variables that name a database by themselves.
const NAMING: [&str; 3] = ["PGHOST", "PGHOSTADDR", "PGDATABASE"];

/// Variables that demand something of the server that nothing here would check.
const REFUSED: [&str; 4] = ["PGREQUIREAUTH", "PGREQUIREPEER", "PGSSLCRL", "PGSSLCRLDIR"];

/// Folders in which servers put their sockets: Debian's, and that of Postgres itself.
const SOCKETS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// Reads the environment of the process.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the address of the database: the URL, and what it leaves open from the environment.
pub(super) fn address(
    url: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<String, Error> {
    if let Some(name) = REFUSED.into_iter().find(|name| variable(name).is_some()) {
        return Err(Error::new(format!("{name} is not supported"))
            .with_detail("What it demands of the server would not be checked.")
            .with_hint(format!("Unset {name}.")));
    }
    let named = NAMING.iter().any(|name| variable(name).is_some());
    let mut settings = match url {
        Some(url) => match Settings::parse(url) {
            Some(settings) => settings,
            None => return Ok(url.to_owned()),
        },
        None if variable("PGSERVICE").is_some() => {
            return Err(Error::new("PGSERVICE is not supported").with_hint(
                "Give --database-url URL, or set DATABASE_URL or PGHOST, PGDATABASE and PGUSER.",
            ));
        }
        None if named => Settings::default(),
        None => {
            return Err(Error::new("no database is named").with_hint(
                "Give --database-url URL, or set DATABASE_URL, or PGHOST or PGDATABASE; in a clone of runmeta, \"make db\" starts a server and prints its URL.",
            ));
        }
    };
    let given = settings.clone();
    let has_place = given.get("host").or(given.get("hostaddr")).is_some();
    for (name, setting) in VARIABLES {
        // The address belongs to the name of a host that the same variables give.
        let is_of_other_host = has_place && setting == "hostaddr";
        if given.get(setting).is_none()
            && !is_of_other_host
            && let Some(value) = variable(name)
        {
            settings.set(setting, &value);
        }
    }
    if url.is_none() && settings.get("host").or(settings.get("hostaddr")).is_none() {
        settings.set(
            "host",
            &default_host(settings.get("port").unwrap_or("5432")),
        );
    }
    if settings.get("password").is_none()
        && let Some(password) = passfile::password(&settings, &variable)
    {
        settings.set("password", &password);
    }
    match (url, settings == given) {
        (Some(url), true) => Ok(url.to_owned()),
        _ => Ok(settings.to_string()),
    }
}

/// Returns the folder where a server of this machine has its socket, or the machine itself.
fn default_host(port: &str) -> String {
    let has_socket = |folder: &&str| {
        std::path::Path::new(folder)
            .join(format!(".s.PGSQL.{port}"))
            .exists()
    };
    SOCKETS
        .into_iter()
        .find(has_socket)
        .unwrap_or("localhost")
        .to_owned()
}

/// Tells a folder that is meant where no host is named.
pub(super) fn is_usual_socket(host: &str) -> bool {
    SOCKETS.contains(&host)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn of(url: Option<&str>, variables: &[(&str, &str)]) -> String {
        let variables: HashMap<&str, &str> = variables.iter().copied().collect();
        match address(url, |name| {
            variables.get(name).map(|value| (*value).to_owned())
        }) {
            Ok(address) => address,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn variables_name_a_database() {
        let variables = [
            ("PGHOST", "h"),
            ("PGPORT", "5433"),
            ("PGUSER", "u"),
            ("PGPASSWORD", "it's"),
            ("PGSSLMODE", "require"),
        ];
        assert_eq!(
            of(None, &variables),
            "host='h' port='5433' user='u' password='it\\'s' sslmode='require'"
        );
    }

    #[test]
    fn url_counts_more_than_variables() {
        let variables = [
            ("PGHOST", "other"),
            ("PGHOSTADDR", "10.0.0.1"),
            ("PGPORT", "5433"),
            ("PGDATABASE", "d"),
            ("PGUSER", "u"),
        ];
        assert_eq!(
            of(Some("postgres://me@h/app"), &variables),
            "user='me' host='h' dbname='app' port='5433'"
        );
        assert_eq!(
            of(Some("host=h port=1 dbname=a"), &variables),
            "host='h' port='1' dbname='a' user='u'"
        );
        assert_eq!(
            of(Some("postgres://me:x@h:1/app"), &variables),
            "postgres://me:x@h:1/app"
        );
    }

    #[test]
    fn malformed_url_stays_as_it_is() {
        assert_eq!(of(Some("postgres://["), &[("PGHOST", "h")]), "postgres://[");
    }

    #[test]
    fn variables_that_are_not_supported_are_named() {
        assert!(of(None, &[("PGSERVICE", "x")]).starts_with("error: PGSERVICE is not supported"));
        assert!(
            of(Some("postgres://h"), &[("PGREQUIREAUTH", "scram-sha-256")])
                .starts_with("error: PGREQUIREAUTH is not supported")
        );
        assert!(of(None, &[("PGUSER", "u")]).starts_with("error: no database is named"));
    }

    #[test]
    fn database_without_a_host_is_on_this_machine() {
        let address = of(None, &[("PGDATABASE", "d"), ("PGPORT", "1")]);
        assert_eq!(address, "port='1' dbname='d' host='localhost'");
    }
}
