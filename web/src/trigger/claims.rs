//! What a token is made of, and tokens. The client signs a token itself with the secret key; it asks for one where the key has
//! the form of Trigger.dev's additional keys, `tr_prod_sk_…`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::extract::Whole;
use crate::{Caller, Problem};

/// How long a token is valid if the request does not say: as the client does.
const MINUTES_15: Duration = Duration::from_secs(15 * 60);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    scopes: Vec<String>,
    expiration_time: Option<Value>,
    #[serde(default)]
    one_time_use: bool,
    realtime: Option<Value>,
}

/// Returns what the client puts into a token beside its scopes. The body is empty, whatever its type says.
pub(super) async fn claims(caller: Caller) -> Result<Json<Value>, Problem> {
    with_secret(&caller)?;
    Ok(Json(json!({"sub": caller.key().name(), "pub": true})))
}

/// Signs a token.
pub(super) async fn public_token(
    caller: Caller,
    Whole(body): Whole,
) -> Result<Json<Value>, Problem> {
    with_secret(&caller)?;
    let wanted: Wanted =
        serde_json::from_slice(&body).map_err(|error| Problem::invalid(error.to_string()))?;
    if wanted.one_time_use {
        return Err(Problem::invalid("a token for one use is not supported"));
    }
    let key = caller.key();
    let now = SystemTime::now();
    let mut claims = json!({
        "sub": key.name(),
        "pub": true,
        "scopes": wanted.scopes,
        "iat": seconds(now),
        "exp": expiry(wanted.expiration_time.as_ref(), now)?,
    });
    if let Some(realtime) = wanted.realtime {
        claims["realtime"] = realtime;
    }
    let header = Header {
        kid: Some(key.name().to_owned()),
        ..Header::default()
    };
    let token = encode(&header, &claims, &EncodingKey::from_secret(key.secret()))
        .map_err(|error| Problem::invalid(error.to_string()))?;
    Ok(Json(json!({"token": token})))
}

/// Checks that the caller has a secret key: one token must not make another.
fn with_secret(caller: &Caller) -> Result<(), Problem> {
    let secret = caller.is_secret();
    secret.then_some(()).ok_or_else(Problem::needs_secret_key)
}

/// Returns the second in which a token expires: seconds since 1970, or a duration such as `1h` from now.
fn expiry(wanted: Option<&Value>, now: SystemTime) -> Result<u64, Problem> {
    let invalid =
        || Problem::invalid("expirationTime is neither a number nor a duration such as \"1h\"");
    let after = match wanted {
        None | Some(Value::Null) => MINUTES_15,
        Some(Value::Number(number)) => return number.as_u64().ok_or_else(invalid),
        Some(Value::String(text)) => humantime::parse_duration(text).map_err(|_| invalid())?,
        Some(_) => return Err(invalid()),
    };
    Ok(seconds(now).saturating_add(after.as_secs()))
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
