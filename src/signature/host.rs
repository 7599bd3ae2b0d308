//! Signature verification by the host: Envoy's foreign function `verify_signature` runs BoringSSL outside the Wasm
//! sandbox. For RSA it is about forty times faster than this crate's libraries inside the sandbox.

use crate::key::{Algorithm, Curve, VerifyingKey};

/// A host that can verify signatures.
pub trait HostSignatures {
    /// Sends a protobuf message of Envoy's type `VerifySignatureArguments`: `hash_function` = 1, `public_key` = 2 in
    /// DER, `signature` = 3, `text` = 4. Returns the bytes of the answer, or `None` when the host could not answer.
    fn verify_signature(&self, message: &[u8]) -> Option<Vec<u8>>;
}

/// The host's answer to a valid signature: `result: true` in protobuf. To an invalid one it sends an `error` and no
/// `result`.
const VERIFIED: &[u8] = &[0x08, 0x01];

/// Whether the host accepts the signature. `None` when the host does not support the algorithm or did not answer; then
/// the caller verifies the signature itself.
pub(super) fn verify(
    host: &dyn HostSignatures,
    algorithm: Algorithm,
    key: &VerifyingKey,
    text: &[u8],
    signature: &[u8],
) -> Option<bool> {
    let public_key = key.subject_public_key_info()?;
    let (hash, signature) = match algorithm {
        Algorithm::Rs256 => ("sha256", signature.to_vec()),
        Algorithm::Rs384 => ("sha384", signature.to_vec()),
        Algorithm::Rs512 => ("sha512", signature.to_vec()),
        Algorithm::Es256 => ("sha256", ecdsa_signature_to_der(Curve::P256, signature).unwrap_or_default()),
        Algorithm::Es384 => ("sha384", ecdsa_signature_to_der(Curve::P384, signature).unwrap_or_default()),
        Algorithm::Es512 => ("sha512", ecdsa_signature_to_der(Curve::P521, signature).unwrap_or_default()),
        Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512
        | Algorithm::Es256k
        | Algorithm::EdDsa
        | Algorithm::Ed25519
        | Algorithm::Hs256
        | Algorithm::Hs384
        | Algorithm::Hs512 => return None,
    };
    let answer = host.verify_signature(&message(hash, public_key, &signature, text))?;
    Some(answer == VERIFIED)
}

fn message(hash: &str, public_key: &[u8], signature: &[u8], text: &[u8]) -> Vec<u8> {
    const OVERHEAD: usize = 32;
    let fields = [hash.as_bytes(), public_key, signature, text];
    let mut message =
        Vec::with_capacity(fields.iter().map(|field| field.len()).sum::<usize>().saturating_add(OVERHEAD));
    for (number, field) in (1u8..).zip(fields) {
        // A protobuf tag: the field's number, and in the lower three bits 2 for a length and that many bytes.
        message.push(number << 3 | 2);
        push_varint(&mut message, field.len());
        message.extend_from_slice(field);
    }
    message
}

fn push_varint(message: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        message.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

/// Converts a JWS signature, `r || s` ([RFC 7518 §3.4](https://www.rfc-editor.org/rfc/rfc7518#section-3.4)), to the DER
/// sequence of two integers that BoringSSL expects. `None` for a signature of another length, and for an `r` or `s`
/// that is zero or not below the order of the curve.
fn ecdsa_signature_to_der(curve: Curve, signature: &[u8]) -> Option<Vec<u8>> {
    match curve {
        Curve::P256 => {
            let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
            Some(signature.to_der().as_bytes().to_vec())
        }
        Curve::P384 => {
            let signature = p384::ecdsa::Signature::from_slice(signature).ok()?;
            Some(signature.to_der().as_bytes().to_vec())
        }
        Curve::P521 => {
            let signature = p521::ecdsa::Signature::from_slice(signature).ok()?;
            Some(signature.to_der().as_bytes().to_vec())
        }
        Curve::Secp256k1 => None,
    }
}
