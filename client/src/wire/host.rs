//! The hosts and addresses of a configuration, one by one.
//!
//! By hand, because the timeout of `tokio-postgres` covers only the TCP connection: a server that accepts it and sends nothing
//! would block it for ever, and one timeout for all hosts would not leave any time for the next. Here, as in libpq, each
//! address has the whole timeout. Each must also have the wanted `target_session_attrs`.

use tokio::net::lookup_host;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts};

const DEFAULT_PORT: u16 = 5432;

/// Returns a configuration for each host, in the order in which to try them. If the numbers of hosts, addresses and ports do
/// not match, returns the configuration itself: connecting then fails with the reason.
pub(crate) fn hosts(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (
        config.get_hosts(),
        config.get_hostaddrs(),
        config.get_ports(),
    );
    let count = hosts.len().max(addresses.len());
    let fits = |length: usize| length == 0 || length == count;
    if count == 0
        || !fits(hosts.len())
        || !fits(addresses.len())
        || ports.len() > 1 && !fits(ports.len())
    {
        return vec![config.clone()];
    }
    let mut each: Vec<Config> = (0..count)
        .map(|index| {
            let mut one = nowhere(config);
            match hosts.get(index) {
                Some(Host::Tcp(name)) => {
                    one.host(name);
                }
                #[cfg(unix)]
                Some(Host::Unix(folder)) => {
                    one.host_path(folder);
                }
                None => {}
            }
            if let Some(address) = addresses.get(index) {
                one.hostaddr(*address);
            }
            let port = ports.get(index).or(ports.first());
            one.port(port.copied().unwrap_or(DEFAULT_PORT));
            one
        })
        .collect();
    if config.get_load_balance_hosts() == LoadBalanceHosts::Random {
        fastrand::shuffle(&mut each);
    }
    each
}

/// Returns a configuration for each address of a host, in the order in which to try them. If the lookup fails, returns the
/// configuration itself: connecting then fails with the reason.
pub(crate) async fn addresses(host: &Config) -> Vec<Config> {
    let ([Host::Tcp(name)], [], [port]) =
        (host.get_hosts(), host.get_hostaddrs(), host.get_ports())
    else {
        return vec![host.clone()];
    };
    let mut each: Vec<Config> = match lookup_host((name.as_str(), *port)).await {
        Ok(found) => found
            .map(|address| {
                let mut one = host.clone();
                one.hostaddr(address.ip());
                one
            })
            .collect(),
        Err(_) => Vec::new(),
    };
    if each.is_empty() {
        return vec![host.clone()];
    }
    if host.get_load_balance_hosts() == LoadBalanceHosts::Random {
        fastrand::shuffle(&mut each);
    }
    each
}

/// Copies everything but hosts, addresses and ports, which cannot be removed from a configuration.
fn nowhere(config: &Config) -> Config {
    let mut copy = Config::new();
    if let Some(user) = config.get_user() {
        copy.user(user);
    }
    if let Some(password) = config.get_password() {
        copy.password(password);
    }
    if let Some(name) = config.get_dbname() {
        copy.dbname(name);
    }
    if let Some(options) = config.get_options() {
        copy.options(options);
    }
    if let Some(name) = config.get_application_name() {
        copy.application_name(name);
    }
    if let Some(timeout) = config.get_connect_timeout() {
        copy.connect_timeout(*timeout);
    }
    if let Some(timeout) = config.get_tcp_user_timeout() {
        copy.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = config.get_keepalives_interval() {
        copy.keepalives_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        copy.keepalives_retries(retries);
    }
    copy.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts());
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        text.parse().unwrap()
    }

    #[test]
    fn each_host_has_its_own_port_and_address_and_all_the_rest() {
        let rest = "user=u password=p dbname=d options=-cwork_mem=1MB application_name=a sslmode=require \
            sslnegotiation=direct connect_timeout=3 tcp_user_timeout=4 keepalives=0 keepalives_idle=5 keepalives_interval=6 \
            keepalives_retries=7 target_session_attrs=read-write channel_binding=require";
        let with = |place: &str| config(&format!("{place} {rest}"));
        for (all, each) in [
            ("host=a port=1", vec!["host=a port=1"]),
            ("host=a,/b", vec!["host=a port=5432", "host=/b port=5432"]),
            ("host=a,b port=7", vec!["host=a port=7", "host=b port=7"]),
            (
                "host=a,b hostaddr=127.0.0.1,::1 port=1,2",
                vec![
                    "host=a hostaddr=127.0.0.1 port=1",
                    "host=b hostaddr=::1 port=2",
                ],
            ),
            (
                "hostaddr=127.0.0.1,::1",
                vec!["hostaddr=127.0.0.1 port=5432", "hostaddr=::1 port=5432"],
            ),
            // Numbers that do not match are left as they are.
            ("host=a,b,c port=1,2", vec!["host=a,b,c port=1,2"]),
            ("host=a,b hostaddr=::1", vec!["host=a,b hostaddr=::1"]),
            ("", vec![""]),
        ] {
            let each: Vec<Config> = each.into_iter().map(with).collect();
            assert_eq!(hosts(&with(all)), each, "{all}");
        }
    }

    #[test]
    fn hosts_are_tried_in_any_order_if_that_is_set() {
        let random = config("host=a,b,c load_balance_hosts=random");
        let orders: std::collections::HashSet<String> = (0..200)
            .map(|_| {
                let hosts = hosts(&random);
                assert_eq!(hosts.len(), 3);
                format!(
                    "{:?}",
                    hosts.iter().map(Config::get_hosts).collect::<Vec<_>>()
                )
            })
            .collect();
        assert_eq!(orders.len(), 6);
    }

    #[tokio::test]
    async fn each_address_of_a_name_keeps_the_name() {
        let one = config("host=127.0.0.1 port=1 user=u");
        let expected = config("host=127.0.0.1 hostaddr=127.0.0.1 port=1 user=u");
        assert_eq!(addresses(&one).await, [expected]);
        for as_it_is in [
            "host=/run port=1",
            "host=no.such.host.invalid port=1",
            "hostaddr=::1 port=1",
        ] {
            assert_eq!(addresses(&config(as_it_is)).await, [config(as_it_is)]);
        }
    }
}
