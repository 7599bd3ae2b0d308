//! Which key of a JWK set signed a token.

use jwt_auth::{Invalid, NumericDate, Rejection};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{Json, string};
use crate::key_set::{KeySet, KeySetFile};
use crate::offline;

/// The answer of a JWK set about a token.
#[derive(Debug)]
pub(super) struct Verification {
    pub(super) keys: KeySet,
    pub(super) signer: Result<Signer, Rejection>,
}

/// The key that verified the signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signer {
    /// Its place in the set, such as `keys[1]`.
    pub(super) field: String,
    pub(super) id: Option<String>,
}

/// Lets the filter verify the signature of a token, as if it had fetched this set. `is_readable` is whether the filter
/// can read the token.
pub(super) fn verify(
    (raw, header, is_readable): (&[u8], &Json, bool),
    set: &KeySetFile,
    now: NumericDate,
) -> Option<Verification> {
    let plugin = offline::fetching_plugin();
    let keys = set.load(&plugin, 0, now)?;
    let signer = match offline::decide_on_token(&plugin, raw, now) {
        Err(rejection) if !is_readable || !is_after_signature(&rejection) => Err(rejection),
        Ok(_) | Err(_) => Ok(signer(raw, header, set.content(), &keys, now)?),
    };
    Some(Verification { keys, signer })
}

/// The key that verifies the token also without the others.
fn signer(raw: &[u8], header: &Json, set: &[u8], keys: &KeySet, now: NumericDate) -> Option<Signer> {
    #[derive(Deserialize)]
    struct Set<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }
    let Set { keys: texts } = serde_json::from_slice(set).ok()?;
    let kid = header.members().get("kid").and_then(|kid| string(kid.get()));
    let keys = keys.keys();
    // Keys without a kid count only if none has the token's.
    let is_named = kid.is_some() && keys.iter().any(|key| key.id == kid.as_deref());
    let wanted = kid.as_deref().filter(|_| is_named);
    let mut candidates = keys.iter().filter(|key| key.id == wanted);
    let verifies = |field: &str| {
        let index: usize = field.strip_prefix("keys[")?.strip_suffix(']')?.parse().ok()?;
        let plugin = offline::fetching_plugin();
        let alone = format!(r#"{{"keys":[{}]}}"#, texts.get(index)?);
        plugin.remote_keys()?.load(0, alone.as_bytes(), now)?;
        Some(offline::decide_on_token(&plugin, raw, now).err().is_none_or(|rejection| is_after_signature(&rejection)))
    };
    let key = candidates.find(|key| verifies(key.field) == Some(true))?;
    Some(Signer { field: key.field.to_owned(), id: key.id.map(str::to_owned) })
}

/// Whether the filter rejects so only if the signature is valid, for a token that it can read.
fn is_after_signature(rejection: &Rejection) -> bool {
    match rejection {
        Rejection::NoMatchingKey { .. } | Rejection::KeysUnavailable | Rejection::Misconfigured { .. } => false,
        Rejection::Invalid(reason) => !matches!(
            reason,
            Invalid::SeveralTokens
                | Invalid::CriticalHeader
                | Invalid::TokenType
                | Invalid::AlgorithmMissing
                | Invalid::AlgorithmMismatch { .. }
                | Invalid::Signature
        ),
        // Malformed: the payload is not a JSON object.
        Rejection::Malformed { .. }
        | Rejection::Expired { .. }
        | Rejection::ScopeMissing
        | Rejection::Proof(_)
        | Rejection::ClaimNotAccepted { .. }
        | Rejection::JtiMissing
        | Rejection::JtiUsed
        | Rejection::ReplayStoreFull
        | Rejection::EngineUnavailable
        | Rejection::OpaqueForm
        | Rejection::FormTooLarge { .. } => true,
        Rejection::TokenMissing | Rejection::HostFailure => false,
    }
}
