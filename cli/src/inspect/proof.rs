//! Proofs of possession, and the keys that tokens are bound to [RFC 9449].

use jwt_auth::{MAX_CLAIMS_DEPTH, MAX_HEADER_DEPTH, MAX_JTI_BYTES, NumericDate, ProofError, ProofVerifier};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Notes;
use super::notes::structure;
use super::parts::Parts;
use crate::family::Family;
use crate::json::{Json, number, string};
use crate::jwk::Jwk;
use crate::key::default_key_id;
use crate::moment::relative;

/// How long the filter accepts a proof by default, and how far the clock of a client may be ahead, in seconds.
const MAX_AGE_SECONDS: f64 = 60.0;
const MAX_AHEAD_SECONDS: f64 = 5.0;

/// What is known about a proof without its request.
#[derive(Debug)]
pub(super) struct Proof {
    /// The thumbprint of the key in the header, if there is one for signatures.
    pub(super) thumbprint: Option<String>,
    /// The claims that say what it is for; `None` for one that is missing or not a string.
    pub(super) method: Option<String>,
    pub(super) url: Option<String>,
    pub(super) token_hash: Option<String>,
    pub(super) id: Option<String>,
    /// Why it is not signed with the key in its header, if it isn't.
    pub(super) failure: Option<ProofError>,
}

/// Whether `typ` says that it is a proof.
pub(super) fn is_proof(header: &Json) -> bool {
    let members = header.members();
    let media_type = members.get("typ").and_then(|json| string(json.get()));
    media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case("dpop+jwt"))
}

/// Lets the filter verify the signature of a proof.
pub(super) fn inspect(raw: &[u8], parts: &Parts) -> Proof {
    let claims = parts.claims.members();
    let text = |name: &str| claims.get(name).and_then(|json| string(json.get()));
    Proof {
        thumbprint: parts.header.members().get("jwk").and_then(|jwk| thumbprint(jwk)),
        method: text("htm"),
        url: text("htu"),
        token_hash: text("ath"),
        id: text("jti"),
        failure: ProofVerifier::signer(raw.trim_ascii()).err(),
    }
}

/// Notes on a proof.
pub(super) fn notes(parts: &Parts, now: NumericDate, notes: &mut Notes) {
    structure("header", &parts.header, (MAX_HEADER_DEPTH, "A403DP"), notes);
    structure("claims", &parts.claims, (MAX_CLAIMS_DEPTH, "A403DP"), notes);
    let header = parts.header.members();
    let jwk = header.get("jwk").and_then(|jwk| serde_json::from_str::<Value>(jwk.get()).ok());
    if jwk.is_some_and(|jwk| ["d", "p", "q", "dp", "dq", "qi", "k"].iter().any(|name| jwk.get(name).is_some())) {
        notes.add("private-key", "jwk contains the private key: the filter rejects the proof (A403DP). Make a new key");
    }
    let claims = parts.claims.members();
    for (name, id) in [("htm", "no-htm"), ("htu", "no-htu"), ("jti", "no-jti")] {
        let value = claims.get(name).and_then(|json| string(json.get())).unwrap_or_default();
        if value.is_empty() || (name == "jti" && value.len() > MAX_JTI_BYTES) {
            notes.add(id, format!("no usable {name}: the filter rejects the proof (A403DP)"));
        }
    }
    match claims.get("iat").and_then(|json| number(json.get())).map(NumericDate::from_unix_seconds) {
        None => notes.add("no-iat", "no usable iat: the filter rejects the proof (A403DP)"),
        Some(iat) => age(iat, now, notes),
    }
    if !claims.contains_key("ath") {
        notes.add("no-ath", "no ath: the proof can only ask for a token; with one the filter rejects it (A403DP)");
    }
}

/// The thumbprint of the key that a token is bound to [RFC 9449 §6.1]. Adds a note if it is bound to something else.
pub(super) fn binding(claims: &Json, notes: &mut Notes) -> Option<String> {
    let members = claims.members();
    let cnf = serde_json::from_str::<Value>(members.get("cnf")?.get()).ok()?;
    let thumbprint = cnf.get("jkt").and_then(Value::as_str).map(str::to_owned);
    let is_alone = cnf.as_object().is_some_and(|cnf| cnf.len() == 1);
    if !cnf.is_null() && (thumbprint.is_none() || !is_alone) {
        notes.add("cnf", "cnf is not a jkt alone: rejected (A403JT) if resourceServer is configured");
    }
    thumbprint
}

fn age(iat: NumericDate, now: NumericDate, notes: &mut Notes) {
    let ago = now.as_unix_seconds() - iat.as_unix_seconds();
    if ago > MAX_AGE_SECONDS {
        notes.add(
            "old",
            format!(
                "made {}: the filter rejects a proof (A403DP) after maxAgeSeconds, by default {MAX_AGE_SECONDS} s",
                relative(iat, now)
            ),
        );
    } else if ago < -MAX_AHEAD_SECONDS {
        notes.add(
            "issued-later",
            format!("iat is {}: the filter rejects the proof until then (A403DP)", relative(iat, now)),
        );
    }
}

fn thumbprint(jwk: &RawValue) -> Option<String> {
    let jwk = Jwk::parse(jwk.get().as_bytes()).ok()?;
    let family = Family::of(&jwk).ok()?;
    let numbers = match family {
        Family::Rsa => [jwk.e.as_ref(), jwk.n.as_ref()],
        Family::Ec(_) => [jwk.x.as_ref(), jwk.y.as_ref()],
        Family::Ed25519 => [jwk.x.as_ref(), jwk.x.as_ref()],
        Family::Oct => return None,
    };
    numbers.iter().all(Option::is_some).then(|| default_key_id(&jwk).ok()).flatten()
}

#[cfg(test)]
mod tests;
