//! Tokens: JWT, HS256, signed with a secret key by whoever has it.

use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use super::{Key, KeyRing};
use crate::Problem;
use crate::api::shape;

/// Longer ones carry more scopes than anybody reads, and each is parsed.
const MOST_BYTES: usize = 16 * 1024;

/// What a token says. Others of its members are nobody's business here.
#[derive(Deserialize)]
pub(crate) struct Claims {
    #[serde(deserialize_with = "whole_seconds")]
    pub(crate) exp: u64,
    #[serde(default)]
    pub(crate) sub: Option<String>,
    /// None if there is no such claim.
    #[serde(default, deserialize_with = "texts")]
    pub(crate) scopes: Option<Vec<String>>,
    /// Of a ticket, which is no token.
    #[serde(default)]
    pub(crate) purpose: Option<serde::de::IgnoredAny>,
    /// Of Trigger.dev's client: columns that the reader of a run does not get.
    #[serde(default)]
    pub(crate) realtime: Option<Realtime>,
}

#[derive(Deserialize, Default)]
pub(crate) struct Realtime {
    #[serde(default, rename = "skipColumns")]
    pub(crate) skip_columns: Vec<String>,
}

/// Reads a time, which may have a fraction (RFC 7519, section 2).
fn whole_seconds<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let seconds = f64::deserialize(from)?;
    // Past the range it is the largest: in some years, or never.
    Ok(seconds as u64)
}

/// Reads scopes.
fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    let texts = Option::deserialize(from);
    texts.map_err(|_| D::Error::custom("scopes is an array of texts, such as [\"read:runs:ID\"]"))
}

/// The longest that a token may be valid. One that is signed for milliseconds is valid for some 50,000 years.
const MOST_YEARS: u64 = 10;

impl Claims {
    /// Checks that the token expires while somebody may remember it.
    ///
    /// # Errors
    ///
    /// 401.
    pub(super) fn check_end(&self, now: u64) -> Result<(), Problem> {
        if self.exp <= now.saturating_add(MOST_YEARS * 366 * 24 * 3600) {
            return Ok(());
        }
        let detail = format!("the token expires in more than {MOST_YEARS} years");
        Err(Problem::unauthorized(detail)
            .hint("The claim exp is in seconds since 1970, not in milliseconds."))
    }
}

/// Returns true if the text has the form of a token: three parts with dots between them.
pub(super) fn looks_like_one(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// Verifies a token against the keys and returns what it says, with the key that signed it.
///
/// # Errors
///
/// 401. The reasons are told apart only as far as the holder of a token knows them anyway.
pub(super) fn verify<T: DeserializeOwned>(
    ring: &KeyRing,
    token: &str,
) -> Result<(T, Arc<Key>), Problem> {
    let invalid = || Problem::unauthorized("the token is not valid");
    if token.len() > MOST_BYTES {
        return Err(invalid());
    }
    let head = decode_header(token).map_err(|_| invalid())?;
    if head.alg != Algorithm::HS256 {
        return Err(invalid());
    }
    let named = head.kid.and_then(|name| ring.named(&name));
    let all = ring.all();
    let keys = match &named {
        Some(key) => std::slice::from_ref(key),
        None => &all,
    };
    for key in keys {
        match read(token, key.secret()) {
            Ok(data) => return Ok((data.claims, key.clone())),
            Err(error) => match error.kind() {
                ErrorKind::ExpiredSignature => {
                    return Err(Problem::unauthorized("the token has expired"));
                }
                ErrorKind::InvalidSignature => {}
                ErrorKind::ImmatureSignature => {
                    return Err(Problem::unauthorized(
                        "the token is not valid yet: see its nbf",
                    ));
                }
                // Whoever could sign it knows what it says.
                ErrorKind::Json(error) => {
                    let text = error.to_string();
                    let said = text
                        .rsplit_once(" at line ")
                        .map_or(&*text, |(said, _)| said);
                    let said = shape::explain(".", said).replace("the body", "the token");
                    let detail = format!("the claims of the token have another form: {said}");
                    return Err(Problem::unauthorized(detail));
                }
                _ => return Err(invalid()),
            },
        }
    }
    Err(invalid())
}

fn read<T: DeserializeOwned>(
    token: &str,
    secret: &[u8],
) -> jsonwebtoken::errors::Result<TokenData<T>> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_required_spec_claims(&["exp"]);
    validation.validate_nbf = true;
    validation.leeway = 0;
    // Trigger.dev's client sets one, of its own service.
    validation.validate_aud = false;
    decode(token, &DecodingKey::from_secret(secret), &validation)
}
