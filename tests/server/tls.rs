//! Encryption: who gets it, and which certificates are taken.

use std::sync::Arc;
use std::time::Duration;

use runmeta_client::{Builder, Client, Error, NewRun};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpListener, UnixStream};
use tokio_postgres::config::{Config, Host};

use crate::cli::program;
use crate::harness::{Database, HOST, Impostor, TlsServer, merged_output};

/// Lets a client work, and returns whether its connection is encrypted: `t` or `f`.
async fn encryption(server: &TlsServer, builder: Builder) -> Result<String, Error> {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("tls-{count}");
    let client = builder.application_name(name.clone()).connect().await?;
    let run = client.start(NewRun::new(name.clone())).await?;
    run.metadata().set("key", 1).flush().await?;
    let encryption = server.encryption(&name).await;
    client.shutdown(Duration::from_secs(10)).await?;
    Ok(encryption)
}

/// Returns how a client is refused.
async fn refusal(builder: Builder) -> String {
    let Err(error) = builder.connect().await else {
        panic!("the client has connected");
    };
    assert!(!error.is_retryable(), "{error}");
    error.to_string()
}

fn files(server: &TlsServer, name: &str) -> Vec<CertificateDer<'static>> {
    let certificates = CertificateDer::pem_file_iter(server.file(name)).unwrap();
    certificates.map(Result::unwrap).collect()
}

/// Returns a configuration of one's own that trusts this root, and has a certificate of its own if asked.
fn own(server: &TlsServer, root: &str, certificate: bool) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(files(server, root));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match certificate {
        false => builder.with_no_client_auth(),
        true => {
            let key = PrivateKeyDer::from_pem_file(server.file("client.key")).unwrap();
            let chain = files(server, "client.pem");
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

const UNTRUSTED: &str = "no connection to the server: invalid peer certificate: UnknownIssuer";

#[tokio::test]
async fn mode_says_whether_a_connection_is_encrypted() {
    let Some(server) = TlsServer::shared().await else {
        return;
    };
    for (parameters, expected) in [
        ("sslmode=disable", "f"),
        ("", "t"),
        ("sslmode=prefer", "t"),
        ("sslmode=require", "t"),
    ] {
        let builder = Builder::url(&server.url("anyone", parameters));
        let encryption = encryption(server, builder).await.unwrap();
        assert_eq!(encryption, expected, "{parameters}");
    }
    let pairs = format!(
        "hostaddr=127.0.0.1 port={} user=anyone dbname=postgres",
        server.port()
    );
    let builder = Builder::url(&pairs);
    assert_eq!(encryption(server, builder).await.unwrap(), "t");
    let mut config: Config = server.url("anyone", "sslmode=disable").parse().unwrap();
    for (mode, expected) in [
        (tokio_postgres::config::SslMode::Disable, "f"),
        (tokio_postgres::config::SslMode::Prefer, "t"),
        (tokio_postgres::config::SslMode::Require, "t"),
    ] {
        let builder = Builder::config(config.ssl_mode(mode).clone());
        assert_eq!(encryption(server, builder).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn prefer_does_without_where_the_server_has_no_encryption() {
    let database = Database::new().await;
    let config: Config = database.url().parse().unwrap();
    let [Host::Unix(folder)] = config.get_hosts() else {
        panic!("the tests' server listens on a socket");
    };
    // Over its socket a server has no encryption, and says so in the same words as one that has none at all.
    let socket = folder.join(".s.PGSQL.5432");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = UnixStream::connect(&socket).await.unwrap();
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    let (user, name) = (config.get_user().unwrap(), config.get_dbname().unwrap());
    let url = format!("postgres://{user}@127.0.0.1:{port}/{name}?sslmode=");
    let client = Client::connect(&format!("{url}prefer")).await.unwrap();
    client.start(NewRun::new("run")).await.unwrap();
    assert_eq!(
        refusal(Builder::url(&format!("{url}require"))).await,
        "no connection to the server: server does not support TLS"
    );
}

#[tokio::test]
async fn sockets_are_not_encrypted_whatever_the_mode() {
    let database = Database::new().await;
    for mode in ["prefer", "require", "verify-full"] {
        let url = format!("{}?sslmode={mode}", database.url());
        let client = Client::connect(&url).await.unwrap();
        client.start(NewRun::new("run")).await.unwrap();
    }
}

#[tokio::test]
async fn certificate_that_no_root_signed_is_refused() {
    let Some(server) = TlsServer::shared().await else {
        return;
    };
    for mode in ["verify-ca", "verify-full"] {
        let url = server.url("anyone", &format!("sslmode={mode}"));
        let refusal = refusal(Builder::url(&url)).await;
        let bare =
            "this system has no root certificates: install them, or name a file with sslrootcert";
        assert!(refusal == UNTRUSTED || refusal == bare, "{refusal}");
    }
    let stranger = server.file("stranger.pem");
    for mode in ["prefer", "require", "verify-ca", "verify-full"] {
        let url = server.url("anyone", &format!("sslmode={mode}&sslrootcert={stranger}"));
        assert_eq!(refusal(Builder::url(&url)).await, UNTRUSTED, "{mode}");
    }
    for mode in ["prefer", "require"] {
        let url = server.url("anyone", &format!("sslmode={mode}"));
        let builder = Builder::url(&url).tls(own(server, "stranger.pem", false));
        assert_eq!(refusal(builder).await, UNTRUSTED, "{mode}");
    }
}

#[tokio::test]
async fn root_certificate_that_is_named_is_trusted() {
    let Some(server) = TlsServer::shared().await else {
        return;
    };
    let root = server.file("ca.pem");
    for mode in ["prefer", "require", "verify-ca", "verify-full"] {
        let url = server.url("encrypted", &format!("sslrootcert={root}&sslmode={mode}"));
        let pairs = format!(
            "host={HOST} hostaddr=127.0.0.1 port={} user=encrypted dbname=postgres sslmode = '{mode}' sslrootcert='{root}'",
            server.port()
        );
        let own = Builder::url(&server.url("encrypted", &format!("sslmode={mode}")))
            .tls(own(server, "ca.pem", false));
        for builder in [Builder::url(&url), Builder::url(&pairs), own] {
            let encryption = encryption(server, builder).await.unwrap();
            assert_eq!(encryption, "t", "{mode}");
        }
    }
}

#[tokio::test]
async fn certificate_for_another_host_is_refused_where_the_host_is_checked() {
    let Some(server) = TlsServer::shared().await else {
        return;
    };
    let root = server.file("ca.pem");
    let url = |mode| {
        let url = server.url("anyone", &format!("sslmode={mode}&sslrootcert={root}"));
        url.replace(HOST, "other.runmeta.test")
    };
    let expected = "no connection to the server: invalid peer certificate: certificate not valid for name \
                    \"other.runmeta.test\"; certificate is only valid for DnsName(\"db.runmeta.test\")";
    assert_eq!(refusal(Builder::url(&url("verify-full"))).await, expected);
    let own = Builder::url(&url("prefer")).tls(own(server, "ca.pem", false));
    assert_eq!(refusal(own).await, expected);
    for mode in ["require", "verify-ca"] {
        let builder = Builder::url(&url(mode));
        assert_eq!(encryption(server, builder).await.unwrap(), "t", "{mode}");
    }
}

#[tokio::test]
async fn server_that_wants_a_certificate_gets_it() {
    let Some(server) = TlsServer::shared().await else {
        return;
    };
    let url = server.url("certified", "sslmode=require");
    assert_eq!(
        refusal(Builder::url(&url)).await,
        "no connection to the server: connection requires a valid client certificate (SQLSTATE 28000)"
    );
    let files = format!(
        "sslmode=require&sslcert={}&sslkey={}",
        server.file("client.pem"),
        server.file("client.key")
    );
    for builder in [
        Builder::url(&url).tls(own(server, "ca.pem", true)),
        Builder::url(&server.url("certified", &files)),
    ] {
        assert_eq!(encryption(server, builder).await.unwrap(), "t");
    }
}

#[tokio::test]
async fn server_that_only_encrypts_refuses_the_others() {
    let Some(server) = TlsServer::shared().await else {
        return;
    };
    let refusal = refusal(Builder::url(&server.url("encrypted", "sslmode=disable"))).await;
    assert_eq!(
        refusal,
        "no connection to the server: no pg_hba.conf entry for host \"127.0.0.1\", user \"encrypted\", \
         database \"postgres\", no encryption (SQLSTATE 28000)"
    );
}

#[tokio::test]
async fn password_is_bound_to_the_encryption() {
    let Some(server) = TlsServer::shared().await else {
        return;
    };
    let url = |parameters: &str| server.url("secretive:correct%20horse", parameters);
    for mode in ["prefer", "require"] {
        let url = url(&format!("sslmode={mode}&channel_binding=require"));
        let encryption = encryption(server, Builder::url(&url)).await.unwrap();
        assert_eq!(encryption, "t", "{mode}");
    }
    let open = url("sslmode=disable&channel_binding=require");
    insta::assert_snapshot!(refusal(Builder::url(&open)).await, @"no connection to the server: server did not use channel binding");
}

#[tokio::test]
async fn older_protocol_is_checked_alike() {
    let Some(server) = TlsServer::start("ssl_max_protocol_version = 'TLSv1.2'").await else {
        return;
    };
    let root = server.file("ca.pem");
    for mode in ["require", "verify-full"] {
        let url = server.url("anyone", &format!("sslmode={mode}&sslrootcert={root}"));
        let encryption = encryption(&server, Builder::url(&url)).await.unwrap();
        assert_eq!(encryption, "t", "{mode}");
    }
    let stranger = server.file("stranger.pem");
    let url = server.url("anyone", &format!("sslmode=require&sslrootcert={stranger}"));
    assert_eq!(refusal(Builder::url(&url)).await, UNTRUSTED);
}

#[tokio::test]
async fn certificate_of_an_authority_is_accepted_where_no_root_is_asked_for() {
    let Some(server) = TlsServer::start("").await else {
        return;
    };
    server
        .set("ssl_cert_file", &server.file("itself.pem"))
        .await;
    server.set("ssl_key_file", &server.file("itself.key")).await;
    for protocol in ["TLSv1.2", "TLSv1.3"] {
        server.set("ssl_max_protocol_version", protocol).await;
        for parameters in ["", "sslmode=require&channel_binding=require"] {
            let url = server.url("secretive:correct%20horse", parameters);
            let encryption = encryption(&server, Builder::url(&url)).await.unwrap();
            assert_eq!(encryption, "t", "{protocol} {parameters}");
        }
    }
    let root = server.file("itself.pem");
    let checked = server.url("anyone", &format!("sslmode=verify-ca&sslrootcert={root}"));
    insta::assert_snapshot!(refusal(Builder::url(&checked)).await, @"no connection to the server: invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))");
}

fn self_signed(key: &rcgen::KeyPair) -> Vec<u8> {
    let parameters = rcgen::CertificateParams::new([HOST.to_owned()]).unwrap();
    parameters.self_signed(key).unwrap().der().to_vec()
}

#[tokio::test]
async fn direct_encryption_names_its_protocol() {
    let key = rcgen::KeyPair::generate().unwrap();
    let server = Impostor::new(&self_signed(&key), &key, &TLS13);
    assert!(Client::connect(&server.url).await.is_err());
    let agreed = server.agreed.await.unwrap().unwrap();
    assert_eq!(agreed.unwrap(), b"postgresql");
}

#[tokio::test]
async fn server_without_the_key_of_its_certificate_is_refused_though_nothing_else_is_checked() {
    let (key, other) = (
        rcgen::KeyPair::generate().unwrap(),
        rcgen::KeyPair::generate().unwrap(),
    );
    let certificate = self_signed(&key);
    for version in [&TLS12, &TLS13] {
        let server = Impostor::new(&certificate, &key, version);
        assert!(Client::connect(&server.url).await.is_err());
        assert!(server.agreed.await.unwrap().is_ok());
        let server = Impostor::new(&certificate, &other, version);
        assert_eq!(
            refusal(Builder::url(&server.url)).await,
            "no connection to the server: invalid peer certificate: BadSignature"
        );
    }
}

#[tokio::test]
async fn pool_is_encrypted_by_the_same_url() {
    let Some(server) = TlsServer::shared().await else {
        return;
    };
    let root = server.file("ca.pem");
    let parameters = format!("sslmode=verify-full&sslrootcert={root}&application_name=pooled");
    let url = server.url("encrypted", &parameters);
    let (config, connector) = runmeta_client::tls::from_url(&url).unwrap();
    let manager = deadpool_postgres::Manager::new(config, connector);
    let pool = deadpool_postgres::Pool::builder(manager).build().unwrap();
    let client = Builder::pool(pool).connect().await.unwrap();
    client.start(NewRun::new("pooled")).await.unwrap();
    assert_eq!(server.encryption("pooled").await, "t");
}

#[tokio::test]
async fn commands_work_where_only_encrypted_connections_are_taken() {
    let Some(server) = TlsServer::shared().await else {
        return;
    };
    let superuser = server.superuser().await;
    superuser
        .batch_execute("CREATE DATABASE by_command")
        .await
        .unwrap();
    let root = server.file("ca.pem");
    let url = |parameters: &str| server.url_of("postgres", "by_command", parameters);
    let run = |url: &str, arguments: &[&str], trusted: &str| {
        let mut command = program();
        command
            .args(arguments)
            .args(["--database-url", url])
            .env("SSL_CERT_FILE", server.file(trusted));
        let (output, status) = merged_output(command, "");
        (output, status.code())
    };
    let checked = url(&format!("sslmode=verify-full&sslrootcert={root}"));

    let (output, code) = run(&checked, &["migrate"], "stranger.pem");
    assert!(output.ends_with("applied\n") && code == Some(0), "{output}");
    let up_to_date = ("the database is up to date\n".to_owned(), Some(0));
    assert_eq!(run(&checked, &["migrate"], "stranger.pem"), up_to_date);
    // The system's roots, as it were.
    for parameters in ["sslrootcert=system", "sslmode=verify-full"] {
        assert_eq!(run(&url(parameters), &["migrate"], "ca.pem"), up_to_date);
    }

    let folder = server.file("rows.csv");
    std::fs::write(&folder, "name,size\na,1\nb,2\nc,3\n").unwrap();
    let (output, code) = run(&checked, &["demo", &folder], "stranger.pem");
    assert_eq!(code, Some(0), "{output}");
    let client = Client::connect(&checked).await.unwrap();
    let started = client.start(NewRun::new("nightly")).await.unwrap();
    started.metadata().set("rows", 3).flush().await.unwrap();
    assert_eq!(
        run(&checked, &["get", "nightly", "rows"], "stranger.pem"),
        ("3\n".to_owned(), Some(0))
    );

    let (output, code) = run(
        &url("sslmode=verify-full"),
        &["get", "nightly"],
        "stranger.pem",
    );
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(output, @r"
    error: the database cannot be reached
    detail: Invalid peer certificate: UnknownIssuer.
    hint: The sslmode of the URL says what is checked of the server.
    ");
    let (output, _) = run(&url("sslmode=disable"), &["get", "nightly"], "ca.pem");
    insta::assert_snapshot!(output, @r#"error: no pg_hba.conf entry for host "127.0.0.1", user "postgres", database "by_command", no encryption"#);
    let (output, _) = run(&url("sslmode=maybe"), &["get", "nightly"], "ca.pem");
    insta::assert_snapshot!(output, @r"
    error: the database URL cannot be used
    detail: The sslmode must be disable, prefer, require, verify-ca or verify-full.
    ");
    let (output, _) = run(&url("sslrootcert=/none"), &["get", "nightly"], "ca.pem");
    insta::assert_snapshot!(output, @r#"
    error: the database URL cannot be used
    detail: The file of sslrootcert, "/none", cannot be read: No such file or directory (os error 2).
    "#);
}
