//! Notes on a header and on claims: errors, likely mistakes, and members that the filter ignores.

use jwt_auth::{
    Algorithm, DEFAULT_MAX_TOKEN_LIFETIME_SECONDS, MAX_CLAIMS_DEPTH, MAX_HEADER_DEPTH, MAX_JTI_BYTES, NumericDate,
};
use serde_json::value::RawValue;

use super::Notes;
use crate::json::{Duplicate, Json, kind, number, string};
use crate::moment::{duration, relative};

/// In seconds this is the year 5138, in milliseconds 1973.
const LIKELY_MILLISECONDS: f64 = 1e11;

/// Notes on a header and, if it is known, on the length of the signature.
pub(super) fn of_header(header: &Json, signature_bytes: Option<usize>, notes: &mut Notes) {
    structure("header", header, (MAX_HEADER_DEPTH, "I400JD"), notes);
    let members = header.members();
    let text = |name: &str| members.get(name).map(|json| string(json.get()));
    match text("alg") {
        None => notes.add("no-alg", "no alg: the filter rejects the token (A403JT)"),
        Some(None) => notes.add("alg-type", "alg is not a string: the filter rejects the token (A403JT)"),
        Some(Some(alg)) => algorithm(&alg, signature_bytes, notes),
    }
    match text("kid") {
        None => notes.add("no-kid", "no kid: only a configured key without kid can verify the token (else A403JK)"),
        Some(None) => notes.add("kid-type", "kid is not a string: the filter rejects the token (A403JK)"),
        Some(Some(_)) => {}
    }
    if members.contains_key("crit") {
        notes.add("crit", "crit: the filter supports no extensions and rejects the token (A403JT)");
    }
    for name in ["jku", "jwk", "x5u", "x5c"] {
        if members.contains_key(name) {
            notes.add("key-in-header", format!("{name}: the token contains or names a key; the filter ignores it"));
        }
    }
}

fn algorithm(alg: &str, signature_bytes: Option<usize>, notes: &mut Notes) {
    if alg.eq_ignore_ascii_case("none") {
        notes.add("alg-none", "alg none: the token is not signed; the filter rejects it (A403JT)");
        return;
    }
    let Some(algorithm) = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == alg) else {
        notes.add(
            "alg-unknown",
            "alg: the filter does not support this algorithm and rejects the token (A403JT)".to_owned(),
        );
        return;
    };
    match (signature_bytes, signature_length(algorithm)) {
        (Some(0), _) => notes.add("no-signature", "no signature: the filter rejects the token (A403JT)"),
        (Some(found), Some(length)) if found != length => notes.add(
            "signature-length",
            format!("the signature has {found} bytes instead of the {length} of {alg}: the filter rejects it (A403JT)"),
        ),
        (Some(_) | None, Some(_) | None) => {}
    }
}

/// The length of the signatures in bytes, if it is fixed.
fn signature_length(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512 => None,
        Algorithm::Hs256 => Some(32),
        Algorithm::Hs384 => Some(48),
        Algorithm::Es256 | Algorithm::Es256k | Algorithm::EdDsa | Algorithm::Ed25519 | Algorithm::Hs512 => Some(64),
        Algorithm::Es384 => Some(96),
        Algorithm::Es512 => Some(132),
    }
}

/// Notes on claims.
pub(super) fn of_claims(claims: &Json, now: NumericDate, notes: &mut Notes) {
    structure("claims", claims, (MAX_CLAIMS_DEPTH, "I400JD"), notes);
    let members = claims.members();
    let mut time = |name: &str| {
        let json = members.get(name)?.get();
        let Some(seconds) = number(json) else {
            notes.add(
                "time-type",
                format!("{name} is {} instead of a number of seconds{}", kind(json), rejected_time(name)),
            );
            return None;
        };
        if seconds.abs() > LIKELY_MILLISECONDS {
            notes.add("milliseconds", format!("{name} looks like milliseconds; it must be in seconds"));
        }
        Some(NumericDate::from_unix_seconds(seconds))
    };
    let [exp, nbf, iat] = ["exp", "nbf", "iat"].map(&mut time);
    let _ = ["auth_time", "updated_at"].map(&mut time);
    times(exp, nbf, iat, now, notes);
    if !members.contains_key("exp") {
        notes.add(
            "no-exp",
            "no exp: the token never expires; the filter rejects it (A403JT) unless ignoreExpirationCheck is true"
                .to_owned(),
        );
    }
    jti(members.get("jti").copied(), notes);
    for (name, id, field) in [("iss", "no-iss", "issuer"), ("aud", "no-aud", "audiences")] {
        if !members.contains_key(name) {
            notes.add(id, format!("no {name}: rejected (A403JT) if {field} is configured"));
        }
    }
}

fn rejected_time(name: &str) -> &'static str {
    if ["exp", "nbf", "iat"].contains(&name) { "; the filter rejects it (A403JT)" } else { "" }
}

fn times(
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
    now: NumericDate,
    notes: &mut Notes,
) {
    if let Some(exp) = exp {
        if now >= exp {
            notes.add("expired", format!("expired {}: the filter rejects it (A403JE)", relative(exp, now)));
        }
        // The filter, too, counts from iat or, without it, from now.
        let life = exp.as_unix_seconds() - iat.unwrap_or(now).as_unix_seconds();
        let limit = DEFAULT_MAX_TOKEN_LIFETIME_SECONDS;
        if life >= limit as f64 {
            let from = if iat.is_some() { "iat" } else { "now (there is no iat)" };
            notes.add(
                "long-life",
                format!(
                    "the time from {from} to exp is {}: 7 days or more are rejected (A403JT), unless \
                     maxTokenLifetimeSeconds is set",
                    duration(life.floor())
                ),
            );
        }
        if nbf.is_some_and(|nbf| nbf >= exp) {
            notes.add("never-valid", "exp is not after nbf: the token is never valid");
        }
    }
    if let Some(nbf) = nbf.filter(|nbf| now < *nbf) {
        notes.add(
            "not-yet-valid",
            format!("not valid yet: nbf is {}; the filter rejects it until then (A403JT)", relative(nbf, now)),
        );
    }
    if let Some(iat) = iat.filter(|iat| now < *iat) {
        notes.add("issued-later", format!("iat is {}: the clocks differ; the filter accepts this", relative(iat, now)));
    }
}

fn jti(jti: Option<&RawValue>, notes: &mut Notes) {
    let problem = match jti.map(|json| string(json.get())) {
        None => "no jti".to_owned(),
        Some(None) => "jti is not a string".to_owned(),
        Some(Some(text)) if text.is_empty() => "jti is empty".to_owned(),
        Some(Some(text)) if text.len() > MAX_JTI_BYTES => format!("jti has more than {MAX_JTI_BYTES} bytes"),
        Some(Some(_)) => return,
    };
    notes.add("no-jti", format!("{problem}: rejected (S403JI) if preventJtiReplay is on"));
}

/// Notes on JSON that the filter rejects with this code, such as levels beyond the limit.
pub(super) fn structure(part: &str, json: &Json, (max_depth, code): (u32, &str), notes: &mut Notes) {
    for Duplicate { name, .. } in &json.duplicates {
        notes.add(
            "duplicate-member",
            format!("duplicate member {name:?} in the {part}: the filter rejects it ({code})"),
        );
    }
    if json.has_broken_text {
        notes.add("broken-text", format!("the {part} has half of a surrogate pair: the filter rejects it ({code})"));
    }
    if json.depth > max_depth as usize {
        notes.add("too-deep", format!("the {part} has {} levels; the filter reads {max_depth} ({code})", json.depth));
    }
}
