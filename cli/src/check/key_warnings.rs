//! Warnings about valid keys.

mod roca;

use jwt_auth::{Algorithm, ConfiguredKey};

/// The warnings about a key: pairs of a field and a text.
pub(super) fn of(key: &ConfiguredKey) -> Vec<(String, String)> {
    flaw(key).into_iter().chain(choice(key)).collect()
}

/// A flaw of the key itself: a field and a text.
pub(crate) fn flaw(key: &ConfiguredKey) -> Option<(String, String)> {
    let is_flawed = key.rsa_modulus.as_ref().is_some_and(|modulus| roca::has_fingerprint(modulus));
    let text = "the key has the ROCA flaw (CVE-2017-15361): its private key can be computed from its public key. \
                Replace it with a key from another generator";
    is_flawed.then(|| (format!("{}.n", key.field), text.to_owned()))
}

fn choice(key: &ConfiguredKey) -> Option<(String, String)> {
    let price = if key.algorithms == Algorithm::ED25519 || key.algorithms.len() < 2 {
        // One algorithm, or two names of one.
        return None;
    } else if key.algorithms == Algorithm::RSA {
        "; PS* costs several times as much as RS*"
    } else {
        ""
    };
    let names: Vec<_> = key.algorithms.iter().map(|algorithm| algorithm.name()).collect();
    let text = format!(
        "the key has no alg, so each token can choose among {}{price}. Set alg to what the issuer signs with",
        names.join(", ")
    );
    Some((key.field.to_owned(), text))
}
