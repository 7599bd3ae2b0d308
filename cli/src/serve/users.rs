//! The users file, and the check of a name and a password.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_yaml::{Mapping, Value};

use crate::passwords::StoredHash;
use crate::token;

/// The longest user name, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 256;

/// The claims that the service sets.
const OWN_CLAIMS: [&str; 8] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf"];

/// The users who can get tokens.
pub(super) struct Users {
    by_name: HashMap<String, User>,
    /// Passwords of unknown users are checked against this, so that the answer takes as long as for a known user.
    decoy: StoredHash,
}

/// A user who can get tokens.
pub(super) struct User {
    /// The `sub`.
    pub(super) name: String,
    /// The claims of the file for the tokens of this user.
    pub(super) claims: Vec<(String, Box<RawValue>)>,
    password: StoredHash,
}

impl Users {
    /// Reads a users file.
    ///
    /// # Errors
    /// All errors of the file. They contain no passwords and no hashes.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Vec<String>> {
        let root: Value = serde_yaml::from_slice(text).map_err(|error| vec![format!("not valid YAML: {error}")])?;
        let mut errors = Vec::new();
        let entries = read_users(&root, &mut errors);
        let decoy = decoy(&entries, &mut errors);
        match decoy {
            Some(decoy) if errors.is_empty() => {
                let users = entries.into_iter().filter_map(Entry::into_user);
                Ok(Self { by_name: users.map(|user| (user.name.clone(), user)).collect(), decoy })
            }
            Some(_) | None => Err(errors),
        }
    }

    /// The user with this name and password. There is always one check of the same cost, whether the user exists or
    /// not.
    pub(super) fn authenticate(&self, name: &str, password: &str) -> Option<&User> {
        self.authenticate_by(name, |stored| stored.matches(password.as_bytes()))
    }

    fn authenticate_by(&self, name: &str, check: impl FnOnce(&StoredHash) -> bool) -> Option<&User> {
        let user = self.by_name.get(name);
        let stored = user.map_or(&self.decoy, |user| &user.password);
        if check(stored) { user } else { None }
    }
}

/// The valid fields of an entry. An entry with errors is still compared with the others.
struct Entry {
    name: Option<String>,
    password: Option<StoredHash>,
    claims: Option<Vec<(String, Box<RawValue>)>>,
}

impl Entry {
    fn into_user(self) -> Option<User> {
        Some(User { name: self.name?, password: self.password?, claims: self.claims? })
    }
}

/// The hash that passwords of unknown users are checked against: any user's, since all checks must take the same time.
fn decoy(entries: &[Entry], errors: &mut Vec<String>) -> Option<StoredHash> {
    let hashes: Vec<_> = entries.iter().filter_map(|entry| entry.password.as_ref()).collect();
    if hashes.windows(2).any(|pair| pair[0].cost() != pair[1].cost()) {
        errors.push(
            "users: expected the same Argon2 parameters in every passwordHash, because the time of an answer would \
             reveal which names exist"
                .to_owned(),
        );
    }
    hashes.first().map(|hash| (*hash).clone())
}

fn read_users(root: &Value, errors: &mut Vec<String>) -> Vec<Entry> {
    let Some(file) = section(root, "", &["users"], errors) else { return Vec::new() };
    let Some(Value::Sequence(entries)) = file.get("users").filter(|users| **users != Value::Sequence(Vec::new()))
    else {
        errors.push("users: expected a list of at least one user".to_owned());
        return Vec::new();
    };
    let mut users: Vec<Entry> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let path = format!("users[{index}]");
        let Some(user) = read_user(entry, &path, errors) else { continue };
        if user.name.is_some() && users.iter().any(|other| other.name == user.name) {
            errors.push(format!("{path}.name: duplicate name"));
        }
        users.push(user);
    }
    users
}

fn read_user(entry: &Value, path: &str, errors: &mut Vec<String>) -> Option<Entry> {
    let entry = section(entry, path, &["name", "passwordHash", "claims"], errors)?;
    let name = entry.get("name").and_then(text).filter(|name| is_name(name));
    if name.is_none() {
        errors.push(format!(
            "{path}.name: expected a string of 1 to {MAX_NAME_BYTES} bytes without colons (HTTP Basic allows none) and \
             control characters"
        ));
    }
    let password = entry.get("passwordHash").and_then(text).and_then(StoredHash::parse);
    if password.is_none() {
        errors.push(format!("{path}.passwordHash: expected an Argon2id hash; `jwt-auth hash-password` makes one"));
    }
    let claims = match entry.get("claims") {
        None => Some(Vec::new()),
        Some(claims) => read_claims(claims, &format!("{path}.claims"), errors),
    };
    Some(Entry { name: name.map(str::to_owned), password, claims })
}

fn read_claims(claims: &Value, path: &str, errors: &mut Vec<String>) -> Option<Vec<(String, Box<RawValue>)>> {
    let Value::Mapping(claims) = claims else {
        errors.push(format!("{path}: expected a map of claims"));
        return None;
    };
    let before = errors.len();
    let mut read = Vec::new();
    for (name, value) in claims {
        let value = Some(value).filter(|value| is_json(value));
        match (text(name), value.and_then(|value| token::value(value).ok())) {
            (Some(name), _) if OWN_CLAIMS.contains(&name) => {
                errors.push(format!("{path}.{name}: the service sets {} itself", OWN_CLAIMS.join(", ")));
            }
            (Some(name), Some(value)) => read.push((name.to_owned(), value)),
            (Some(name), None) => errors
                .push(format!("{path}.{name}: expected a JSON value: no tags, no .nan or .inf, only strings as keys")),
            (None, _) => errors.push(format!("{path}: expected only strings as names of claims")),
        }
    }
    (errors.len() == before).then_some(read)
}

/// A map with only these fields.
fn section<'a>(value: &'a Value, path: &str, fields: &[&str], errors: &mut Vec<String>) -> Option<&'a Mapping> {
    let name = if path.is_empty() { "the file" } else { path };
    let Value::Mapping(section) = value else {
        errors.push(format!("{name}: expected {}", fields.join(", ")));
        return None;
    };
    for field in section.keys().filter(|field| text(field).is_none_or(|field| !fields.contains(&field))) {
        errors.push(format!("{name}: unknown field {:?}, expected {}", text(field).unwrap_or("?"), fields.join(", ")));
    }
    Some(section)
}

/// A string without a tag.
fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => {
            None
        }
    }
}

/// Whether JSON can express the value. `serde_json` would write other values as something else.
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
