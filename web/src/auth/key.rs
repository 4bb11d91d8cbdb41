//! Secret keys: read from a list or a file, compared in constant time, read again at SIGHUP.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use super::share::{Share, Shares};
use crate::limit::{Limits, Memory};
use crate::{Error, Keys};

/// A shorter secret could be guessed.
const LEAST_CHARACTERS: usize = 24;

/// A secret key, and what it may use.
pub struct Key {
    pub(crate) name: String,
    secret: Secret,
    pub(crate) role: Option<String>,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) read_only: bool,
    /// Whether it is for `/metrics`, and for nothing else.
    pub(crate) metrics: bool,
    pub(super) own: Share,
    pub(super) shares: Shares,
    /// Cancelled when the key is taken away.
    pub(crate) revoked: CancellationToken,
}

/// Never shown.
#[derive(Deserialize, Clone, PartialEq)]
#[serde(transparent)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    key: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    secret: Secret,
    role: Option<String>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    metrics: bool,
}

impl Entry {
    /// Names a key of the list by its secret: gateways that share nothing agree on the name, and it stays when others are
    /// added or taken away.
    fn of_secret(secret: &str) -> Entry {
        let digest = Sha256::digest(secret.as_bytes());
        let name: String = digest
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Entry {
            name,
            secret: Secret(secret.to_owned()),
            role: None,
            settings: BTreeMap::new(),
            read_only: false,
            metrics: false,
        }
    }
}

impl Key {
    /// Returns the name of the key, which is no secret.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn secret(&self) -> &[u8] {
        self.secret.0.as_bytes()
    }

    fn is(&self, entry: &Entry) -> bool {
        self.name == entry.name
            && self.secret == entry.secret
            && self.role == entry.role
            && self.settings == entry.settings
            && self.read_only == entry.read_only
            && self.metrics == entry.metrics
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// All keys that are valid now.
pub(crate) struct KeyRing {
    from: Keys,
    limits: Limits,
    /// Of the gateway.
    memory: Memory,
    keys: RwLock<Arc<[Arc<Key>]>>,
}

impl KeyRing {
    /// Reads the keys.
    ///
    /// # Errors
    ///
    /// The file cannot be read, there is no key, one is too short, or two have the same name or secret.
    pub(crate) fn read(from: Keys, limits: Limits, memory: Memory) -> Result<KeyRing, Error> {
        let ring = KeyRing {
            from,
            limits,
            memory,
            keys: RwLock::new(Arc::new([])),
        };
        ring.reload()?;
        Ok(ring)
    }

    /// Reads the keys again. Those that are gone or changed are revoked; the others go on as they are.
    ///
    /// # Errors
    ///
    /// As [`read`](KeyRing::read); then the keys stay as they were.
    pub(crate) fn reload(&self) -> Result<(), Error> {
        let entries = entries(&self.from)?;
        let mut current = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let keep = |entry: Entry| match current.iter().find(|key| key.is(&entry)) {
            Some(key) => key.clone(),
            None => Arc::new(self.key(entry)),
        };
        let keys: Arc<[Arc<Key>]> = entries.into_iter().map(keep).collect();
        for key in current.iter() {
            if !keys.iter().any(|other| Arc::ptr_eq(other, key)) {
                key.revoked.cancel();
            }
        }
        *current = keys;
        Ok(())
    }

    fn key(&self, entry: Entry) -> Key {
        // No key may take all: others would have none.
        let memory = self.memory.part(2);
        Key {
            name: entry.name,
            secret: entry.secret,
            role: entry.role,
            settings: entry.settings,
            read_only: entry.read_only,
            metrics: entry.metrics,
            shares: Shares::new(&self.limits, &memory),
            own: Share::new(&self.limits, memory, 1),
            revoked: CancellationToken::new(),
        }
    }

    pub(crate) fn all(&self) -> Arc<[Arc<Key>]> {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns the key with this secret. Takes as long whichever it is, and if there is none.
    pub(crate) fn find(&self, secret: &[u8]) -> Option<Arc<Key>> {
        // Digests have one length: comparing secrets directly would tell theirs.
        let asked = Sha256::digest(secret);
        let mut found = None;
        for key in self.all().iter() {
            let is = Sha256::digest(key.secret()).ct_eq(&asked);
            if bool::from(is) {
                found = Some(key.clone());
            }
        }
        found
    }

    /// Returns true if another key has the same role and settings, and so the same connections.
    pub(crate) fn has_others_like(&self, key: &Key) -> bool {
        let is_like = |other: &Arc<Key>| {
            other.name != key.name
                && !other.metrics
                && other.role == key.role
                && other.settings == key.settings
        };
        self.all().iter().any(is_like)
    }

    /// Returns the key of this name.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Key>> {
        self.all().iter().find(|key| key.name == name).cloned()
    }
}

fn entries(from: &Keys) -> Result<Vec<Entry>, Error> {
    let entries = match from {
        Keys::List(list) => {
            let secrets = list
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty());
            secrets.map(Entry::of_secret).collect()
        }
        Keys::File(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Error::caused(
                    format!("the file of keys {} cannot be read", path.display()),
                    error,
                )
            })?;
            // Without the error's text, which quotes the line: it may hold a secret.
            let file: File = toml::from_str(&text).map_err(|error| {
                let line = error.span().map_or(1, |span| {
                    1 + text.get(..span.start).unwrap_or_default().matches('\n').count()
                });
                Error::new(format!(
                    "the file of keys {} is not as expected, at line {line}: {}",
                    path.display(),
                    "each [[key]] has a name and a secret, and may have role, settings and read_only"
                ))
            })?;
            file.key
        }
    };
    check(&entries)?;
    Ok(entries)
}

fn check(entries: &[Entry]) -> Result<(), Error> {
    if entries.is_empty() {
        return Err(Error::new("there is no secret key"));
    }
    for (place, entry) in entries.iter().enumerate() {
        let Entry { name, secret, .. } = entry;
        if secret.0.chars().count() < LEAST_CHARACTERS {
            return Err(Error::new(format!(
                "secret key {} is shorter than {LEAST_CHARACTERS} characters",
                place + 1
            )));
        }
        if entries
            .iter()
            .take(place)
            .any(|other| other.name == *name || other.secret == *secret)
        {
            return Err(Error::new(format!(
                "secret key {} has the name or the secret of one before it",
                place + 1
            )));
        }
    }
    Ok(())
}
