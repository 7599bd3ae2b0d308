//! The users file, and who a name and a password belong to.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_yaml::{Mapping, Value};

use crate::passwords::StoredHash;
use crate::token;

/// The longest user name, in bytes. Names are kept while their tries are counted, those of nobody, too.
pub(super) const MAX_NAME_BYTES: usize = 256;

/// The claims that the service makes.
const OWN_CLAIMS: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// Everyone who gets tokens.
pub(super) struct Users {
    by_name: HashMap<String, User>,
    /// What the password of an unknown user is checked against, which takes the time that a known one takes.
    nobody: StoredHash,
}

/// One who gets tokens.
pub(super) struct User {
    /// The `sub`.
    pub(super) name: String,
    /// What the file says for the tokens of this user.
    pub(super) claims: Vec<(String, Box<RawValue>)>,
    password: StoredHash,
}

impl Users {
    /// Reads a users file, or gives all its faults. No fault holds a hash.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Vec<String>> {
        let root: Value = serde_yaml::from_slice(text).map_err(|error| vec![format!("no YAML: {error}")])?;
        let mut faults = Vec::new();
        let entries = read_users(&root, &mut faults);
        let nobody = nobody(&entries, &mut faults);
        match nobody {
            Some(nobody) if faults.is_empty() => {
                let users = entries.into_iter().filter_map(Entry::into_user);
                Ok(Self { by_name: users.map(|user| (user.name.clone(), user)).collect(), nobody })
            }
            Some(_) | None => Err(faults),
        }
    }

    /// The user of this name and password. Whoever is named, known or not, it is one check of the same cost.
    pub(super) fn authenticate(&self, name: &str, password: &str) -> Option<&User> {
        self.authenticate_by(name, |stored| stored.matches(password.as_bytes()))
    }

    fn authenticate_by(&self, name: &str, check: impl FnOnce(&StoredHash) -> bool) -> Option<&User> {
        let user = self.by_name.get(name);
        let stored = user.map_or(&self.nobody, |user| &user.password);
        if check(stored) { user } else { None }
    }
}

/// What could be read of a user. Names and hashes of entries with other faults are compared with those of the others, too.
struct Entry {
    path: String,
    name: Option<String>,
    password: Option<StoredHash>,
    claims: Option<Vec<(String, Box<RawValue>)>>,
}

impl Entry {
    fn into_user(self) -> Option<User> {
        Some(User { name: self.name?, password: self.password?, claims: self.claims? })
    }
}

/// The hash to check unknown users against, which must cost what those of the known ones cost.
fn nobody(entries: &[Entry], faults: &mut Vec<String>) -> Option<StoredHash> {
    let hashes = entries.iter().filter_map(|entry| Some((&entry.path, entry.password.as_ref()?.cost())));
    let hashes: Vec<_> = hashes.collect();
    if hashes.windows(2).any(|pair| pair[0].1 != pair[1].1) {
        faults.push(
            "users: expected the same Argon2 parameters in every passwordHash, or the time of an answer would tell names"
                .to_owned(),
        );
    }
    let mut nobody = None;
    for (path, cost) in hashes {
        match StoredHash::of_nobody(&cost) {
            Ok(hash) => nobody = nobody.or(Some(hash)),
            Err(_) => faults.push(format!("{path}.passwordHash: expected a salt and a hash of common length")),
        }
    }
    nobody
}

fn read_users(root: &Value, faults: &mut Vec<String>) -> Vec<Entry> {
    let Some(file) = section(root, "", &["users"], faults) else { return Vec::new() };
    let Some(Value::Sequence(entries)) = file.get("users").filter(|users| **users != Value::Sequence(Vec::new()))
    else {
        faults.push("users: expected a list of at least one user".to_owned());
        return Vec::new();
    };
    let mut users: Vec<Entry> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let path = format!("users[{index}]");
        let Some(user) = read_user(entry, &path, faults) else { continue };
        if user.name.is_some() && users.iter().any(|other| other.name == user.name) {
            faults.push(format!("{path}.name: expected a name that no other user has"));
        }
        users.push(user);
    }
    users
}

fn read_user(entry: &Value, path: &str, faults: &mut Vec<String>) -> Option<Entry> {
    let entry = section(entry, path, &["name", "passwordHash", "claims"], faults)?;
    let name = entry.get("name").and_then(text).filter(|name| is_name(name));
    if name.is_none() {
        faults.push(format!(
            "{path}.name: expected a text of 1 to {MAX_NAME_BYTES} bytes without colon (HTTP Basic has none) and control characters"
        ));
    }
    let password = entry.get("passwordHash").and_then(text).and_then(StoredHash::parse);
    if password.is_none() {
        faults.push(format!("{path}.passwordHash: expected an Argon2id hash, as `jwt-auth hash-password` prints one"));
    }
    let claims = match entry.get("claims") {
        None => Some(Vec::new()),
        Some(claims) => read_claims(claims, &format!("{path}.claims"), faults),
    };
    Some(Entry { path: path.to_owned(), name: name.map(str::to_owned), password, claims })
}

fn read_claims(claims: &Value, path: &str, faults: &mut Vec<String>) -> Option<Vec<(String, Box<RawValue>)>> {
    let Value::Mapping(claims) = claims else {
        faults.push(format!("{path}: expected claims by their names"));
        return None;
    };
    let before = faults.len();
    let mut read = Vec::new();
    for (name, value) in claims {
        let value = Some(value).filter(|value| is_json(value));
        match (text(name), value.and_then(|value| token::value(value).ok())) {
            (Some(name), _) if OWN_CLAIMS.contains(&name) => {
                faults.push(format!(
                    "{path}.{name}: expected other claims than {}, which the service sets",
                    OWN_CLAIMS.join(", ")
                ));
            }
            (Some(name), Some(value)) => read.push((name.to_owned(), value)),
            (Some(name), None) => faults
                .push(format!("{path}.{name}: expected what JSON has, too: no tags, .nan or .inf, and texts as names")),
            (None, _) => faults.push(format!("{path}: expected texts as names")),
        }
    }
    (faults.len() == before).then_some(read)
}

/// A mapping with no other fields than these.
fn section<'a>(value: &'a Value, path: &str, fields: &[&str], faults: &mut Vec<String>) -> Option<&'a Mapping> {
    let name = if path.is_empty() { "the file" } else { path };
    let Value::Mapping(section) = value else {
        faults.push(format!("{name}: expected {}", fields.join(", ")));
        return None;
    };
    for field in section.keys().filter(|field| text(field).is_none_or(|field| !fields.contains(&field))) {
        faults.push(format!("{name}: unknown field {:?}, expected {}", text(field).unwrap_or("?"), fields.join(", ")));
    }
    Some(section)
}

/// A text without a tag, which could mean anything.
fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => {
            None
        }
    }
}

/// Whether JSON has all of it. What it has not would be written as something else.
fn is_json(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => number.is_finite(),
        Value::Sequence(elements) => elements.iter().all(is_json),
        Value::Mapping(members) => members.iter().all(|(name, value)| text(name).is_some() && is_json(value)),
        Value::Tagged(_) => false,
    }
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.chars().any(|char| char == ':' || char.is_control())
}

#[cfg(test)]
mod tests;
