//! Shared by the properties of proofs: a client, a token that is bound to its key, and requests with proofs.

use std::sync::OnceLock;

use jwt_auth::Plugin;
use kit::dpop::Client;
use kit::host::Headers;
use kit::issuer::{Algorithm, SigningKey, base64url};
use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::world::{self, NOW};

/// The algorithms of the clients.
pub(crate) const ALGORITHMS: [&str; 2] = ["EdDSA", "ES256"];

/// The target of requests, and their URL.
pub(crate) const TARGET: &str = "/p";
pub(crate) const ORIGIN: &str = "https://api.example";

/// What comes before the reason for a rejected proof.
pub(crate) const INVALID_PROOF: &str = "Invalid DPoP proof: ";

/// The key of the client with this number. It is the same in every run.
pub(crate) fn key(number: usize) -> SigningKey {
    let algorithm = Algorithm::from_name(ALGORITHMS[number]).expect("an algorithm of the list");
    SigningKey::from_scalar(algorithm, &[0x33; 32])
}

/// A token that is bound to the key of this client.
pub(crate) fn token(client: usize) -> &'static str {
    static TOKENS: [OnceLock<String>; ALGORITHMS.len()] = [const { OnceLock::new() }; ALGORITHMS.len()];
    TOKENS[client].get_or_init(|| {
        let thumbprint = Client::new(key(client), NOW.into()).thumbprint();
        world::token(&json!({"aud": "a", "cnf": {"jkt": thumbprint}})).expect("a short token")
    })
}

/// `ath` of a token.
pub(crate) fn hash(token: &str) -> String {
    base64url(digest(&SHA256, token.as_bytes()).as_ref())
}

/// A plugin that accepts proofs for these origins.
pub(crate) fn plugin(origins: &[&str]) -> Plugin {
    world::plugin(json!({
        "parameter": "Authorization", "parameterLocation": "header", "audiences": ["a"],
        "resourceServer": {"realm": "r", "dpop": {"origins": origins, "algorithms": ALGORITHMS}},
    }))
}

/// The decision on a `GET` of this target with the token of this client. `Err` has the message of the rejection.
pub(crate) fn decide(plugin: &Plugin, client: usize, target: &[u8], proofs: &[&[u8]]) -> Result<(), String> {
    let authorization = format!("DPoP {}", token(client)).into_bytes();
    let mut headers: Headers = vec![
        (":method".to_owned(), b"GET".to_vec()),
        (":path".to_owned(), target.to_vec()),
        ("authorization".to_owned(), authorization),
    ];
    headers.extend(proofs.iter().map(|proof| ("dpop".to_owned(), proof.to_vec())));
    match world::decide(plugin, &headers, false) {
        Ok(edits) => {
            assert_eq!((edits.headers.len(), &edits.path, &edits.form), (0, &None, &None));
            Ok(())
        }
        Err(rejection) => Err(rejection.message()),
    }
}
