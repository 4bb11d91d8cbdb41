//! Tokens that the packages make, and what they open.

use serde_json::json;

use super::super::Web;
use super::Npm;
use super::npm::value;
use crate::harness::Database;

/// A key of this form makes the package ask the gateway for tokens. With others it signs them itself.
const ADDITIONAL_KEY: &str = "tr_prod_sk_abcdefghijklmnopqrstuvwx";

const START: &str = "
    SELECT runmeta.start('import', task => 'import', tags => '{eu}');
    SELECT runmeta.start('mail', task => 'mail', tags => '{us}');";

#[tokio::test]
async fn token_that_the_package_signs_opens_its_run_and_no_other() {
    let database = Database::new().await;
    database.connect().await.batch_execute(START).await.unwrap();
    let web = Web::start(&database).await;
    let cases = [
        json!({"read": {"runs": ["import"]}}),
        json!({"read": {"tags": ["eu"]}}),
        json!({"read": {"tasks": ["import"]}}),
    ];
    for scopes in cases {
        let arguments = [&*scopes.to_string(), "import", "mail", "nothing"];
        let output = Npm::start(&web, "token.mjs", &arguments)
            .await
            .finish()
            .await;
        assert_eq!(value(&output, "import")["succeeded"], "import", "{output}");
        let mail = value(&output, "mail");
        assert_eq!(mail["status"], 403, "{output}");
        // But for the id that was asked for.
        let nothing = value(&output, "nothing").to_string();
        assert_eq!(
            nothing.replace(":nothing", ":mail"),
            mail.to_string(),
            "nobody learns which runs exist"
        );
    }
}

#[tokio::test]
async fn token_whose_scope_is_one_off_opens_nothing() {
    let database = Database::new().await;
    database.connect().await.batch_execute(START).await.unwrap();
    let web = Web::start(&database).await;
    let cases = [
        json!({"read": {"runs": ["import2"]}}),
        json!({"read": {"runs": ["Import"]}}),
        json!({"write": {"runs": ["import"]}}),
        json!({"read": {"tags": ["import"]}}),
        json!({"read": {"tasks": ["eu"]}}),
        json!({}),
    ];
    for scopes in cases {
        let arguments = [&*scopes.to_string(), "import"];
        let output = Npm::start(&web, "token.mjs", &arguments)
            .await
            .finish()
            .await;
        assert_eq!(value(&output, "import")["status"], 403, "{output}");
    }
}

#[tokio::test]
async fn gateway_signs_tokens_for_an_additional_key() {
    let database = Database::new().await;
    database.connect().await.batch_execute(START).await.unwrap();
    let web = Web::with(&database, |config| {
        config.keys = runmeta_web::Keys::List(ADDITIONAL_KEY.to_owned());
    })
    .await;
    let arguments = [r#"{"read": {"runs": ["import"]}}"#, "import", "mail"];
    let program = Npm::with(&web.url(""), ADDITIONAL_KEY, "token.mjs", &arguments).await;
    let output = program.finish().await;
    assert_eq!(value(&output, "import")["succeeded"], "import", "{output}");
    assert_eq!(value(&output, "mail")["status"], 403, "{output}");
}

#[tokio::test]
async fn token_makes_no_token() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let token = web.token(&["read:runs:import", "write:runs:import", "admin"]);
    for path in ["/api/v1/auth/jwt/claims", "/api/v1/auth/public-tokens"] {
        let request = web.request_as(&token, reqwest::Method::POST, path);
        let body = json!({"scopes": ["admin"]});
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{path}");
    }
}

#[tokio::test]
async fn expiry_of_a_token_is_read_as_the_package_gives_it() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let path = "/api/v1/auth/public-tokens";
    let ask = |body| web.post(path, body);
    for valid in [
        json!("1h"),
        json!("15 minutes"),
        json!(4_102_444_800_u64),
        json!(null),
    ] {
        let answer = ask(json!({"scopes": ["read:runs:a"], "expirationTime": valid})).await;
        assert_eq!(answer.status, 200, "{valid}: {answer:?}");
    }
    for invalid in [json!("soon"), json!(-1), json!([])] {
        let answer = ask(json!({"scopes": ["read:runs:a"], "expirationTime": invalid})).await;
        assert_eq!(answer.status, 400, "{invalid}: {answer:?}");
    }
    let answer = ask(json!({"scopes": ["read:runs:a"], "oneTimeUse": true})).await;
    assert_eq!(answer.status, 400, "{answer:?}");
}
