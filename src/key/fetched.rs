//! Reads a JWK set that was fetched from an issuer.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::jwk::{Key, PRIVATE_MEMBERS};
use super::set::KeySet;
use crate::document::{Faults, Field};
use crate::json::{Object, read_members};

/// The most keys in a fetched JWK set, usable or not. A key takes up to a millisecond to read, in every worker.
const MAX_FETCHED_KEYS: usize = 100;

/// How deep the JSON of a key may nest. Registered members need two levels.
const MAX_KEY_DEPTH: u32 = 8;

/// The members of a public key that [`Key::parse`] reads. Others, such as certificates, are not kept.
const PUBLIC_MEMBERS: [&str; 9] = ["kty", "kid", "use", "key_ops", "alg", "crv", "n", "e", "x"];

/// The usable keys of a fetched JWK set.
#[derive(Debug)]
pub(crate) struct FetchedKeys {
    /// At least one.
    pub(crate) keys: KeySet,
    /// The usable keys again, as a JWK set with only the members that matter. Reading it gives the same keys.
    pub(crate) text: Vec<u8>,
    /// Why each of the other keys is skipped, such as `keys[1].use: expected sig`.
    pub(crate) skipped: Vec<String>,
}

/// Why a text is not a usable JWK set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JwkSetError {
    /// It is not a JSON object with a list `keys`, or the list has more than [`MAX_FETCHED_KEYS`].
    Malformed,
    /// None of its keys can be used. Why each is skipped.
    NoUsableKey(Vec<String>),
}

impl FetchedKeys {
    /// Reads a JWK set ([RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)).
    ///
    /// A key is skipped, without harm to the others, if it is not for verifying signatures here, weak, malformed or
    /// private. Secrets (`oct`) are always skipped: whoever can fetch them could sign with them. Several keys may have the
    /// same `kid`.
    ///
    /// # Errors
    /// When it is not a JWK set of at most [`MAX_FETCHED_KEYS`], or has no usable key.
    pub(crate) fn read(text: &[u8]) -> Result<Self, JwkSetError> {
        let JwkSet { keys } = read_members(text).ok_or(JwkSetError::Malformed)?;
        if keys.len() > MAX_FETCHED_KEYS {
            return Err(JwkSetError::Malformed);
        }
        let (mut usable, mut texts, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        for (index, raw) in keys.iter().enumerate() {
            match read_key(&format!("keys[{index}]"), raw.get()) {
                Ok((key, text)) => {
                    usable.push(key);
                    texts.push(text);
                }
                Err(reason) => skipped.push(reason),
            }
        }
        if usable.is_empty() {
            return Err(JwkSetError::NoUsableKey(skipped));
        }
        let text = format!("{{\"keys\":[{}]}}", texts.join(",")).into_bytes();
        Ok(Self { keys: KeySet::of(usable), text, skipped })
    }
}

#[derive(Deserialize)]
struct JwkSet<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// A key, and its JSON with only the members that matter; or why it is skipped.
fn read_key(path: &str, raw: &str) -> Result<(Key, String), String> {
    let jwk = Object::parse(raw.as_bytes(), MAX_KEY_DEPTH)
        .ok_or_else(|| format!("{path}: expected a JSON object without duplicate members"))?;
    if jwk.get("kty").and_then(|kty| kty.as_str()) == Some("oct") {
        return Err(format!("{path}.kty: expected a public key, found a secret"));
    }
    let names = PUBLIC_MEMBERS.into_iter().chain(["y", "k"]).chain(PRIVATE_MEMBERS);
    let members: Vec<_> = names.filter_map(|name| Some(format!("\"{name}\":{}", jwk.get(name)?))).collect();
    let text = format!("{{{}}}", members.join(","));
    let value = serde_json::from_str(&text).map_err(|_| format!("{path}: expected a JWK"))?;
    let mut faults = Faults::default();
    match Key::parse(&Field::named(path, &value), &mut faults) {
        Some(key) => Ok((key, text)),
        None => Err(faults.first().unwrap_or_else(|| format!("{path}: expected a JWK"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC_8037: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;

    /// The number of usable keys, and why the others are skipped.
    fn read(keys: &[String]) -> Result<(usize, Vec<String>), JwkSetError> {
        let read = FetchedKeys::read(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes())?;
        let again = FetchedKeys::read(&read.text).unwrap();
        assert_eq!((again.text, again.skipped.len()), (read.text, 0), "the usable keys stay the same");
        Ok((read.keys.describe().len(), read.skipped))
    }

    #[test]
    fn a_key_that_cannot_be_used_is_skipped_and_the_others_stay() {
        let weak = format!(r#"{{"kty":"RSA","e":"AQAB","n":"{}"}}"#, "_".repeat(168));
        for (key, reason) in [
            (
                r#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_owned(),
                "keys[0].kty: expected a public key, found a secret",
            ),
            (format!(r#"{RFC_8037},"use":"enc"}}"#), "keys[0].use: expected sig"),
            (format!(r#"{RFC_8037},"key_ops":["sign"]}}"#), "keys[0].key_ops: expected a list with verify"),
            (format!(r#"{RFC_8037},"d":"AA"}}"#), "keys[0].d: expected a public key, found a private or secret part"),
            (format!(r#"{RFC_8037},"k":"AA"}}"#), "keys[0].k: expected a public key, found a private or secret part"),
            (format!(r#"{RFC_8037},"kid":5}}"#), "keys[0].kid: expected a string"),
            (format!(r#"{RFC_8037},"a":1,"a":1}}"#), "keys[0]: expected a JSON object without duplicate members"),
            (
                format!(r#"{RFC_8037},"a":[[[[[[[[[]]]]]]]]]}}"#),
                "keys[0]: expected a JSON object without duplicate members",
            ),
            (r#"{"kty":"RSA"}"#.to_owned(), "keys[0].n: required"),
            (r#"{"kty":"PQC"}"#.to_owned(), "keys[0].kty: expected RSA, EC, OKP or oct"),
            (weak, "keys[0].n: expected a modulus of 2048 to 4096 bits"),
            ("{}".to_owned(), "keys[0].kty: required"),
            ("null".to_owned(), "keys[0]: expected a JSON object without duplicate members"),
            ("[]".to_owned(), "keys[0]: expected a JSON object without duplicate members"),
            ("\"{\"".to_owned(), "keys[0]: expected a JSON object without duplicate members"),
        ] {
            assert_eq!(read(&[key.clone(), format!("{P256}}}")]), Ok((1, vec![reason.to_owned()])), "{key}");
            let unusable = JwkSetError::NoUsableKey(vec![reason.to_owned()]);
            assert_eq!(read(std::slice::from_ref(&key)), Err(unusable), "{key}");
        }
    }

    #[test]
    fn a_kid_may_repeat_and_unknown_members_are_ignored() {
        let key = format!(r#"{P256},"kid":"a","x5c":["AAAA"],"exp":1.5e3}}"#);
        assert_eq!(read(&[key.clone(), key]), Ok((2, vec![])));
    }

    #[test]
    fn only_a_json_object_with_keys_is_a_set() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"keys":{}}"#,
            r#"{"keys":[],"keys":[]}"#,
            "\u{feff}{\"keys\":[]}",
            "keys: []",
            "<html>",
            r#"{"keys":[]} x"#,
            &format!("[[{P256}}}]]"),
        ] {
            assert_eq!(FetchedKeys::read(text.as_bytes()).unwrap_err(), JwkSetError::Malformed, "{text}");
        }
        assert_eq!(read(&[]), Err(JwkSetError::NoUsableKey(vec![])));
        let key = || format!("{P256}}}");
        assert_eq!(read(&vec![key(); MAX_FETCHED_KEYS]), Ok((MAX_FETCHED_KEYS, vec![])));
        assert_eq!(read(&vec![key(); MAX_FETCHED_KEYS + 1]), Err(JwkSetError::Malformed));
    }
}
