//! Why the filter rejects a request, and how to fix it.

use jwt_auth::{Invalid, ProofError, Rejection};

/// Why the filter rejects a request with this rejection, and how to fix it.
pub(super) fn explain(rejection: &Rejection) -> (&'static str, &'static str) {
    match rejection {
        Rejection::TokenMissing => (
            "There is no token in the place that the configuration names, or only white space. With `resourceServer`, \
             a token without its scheme counts as none.",
            "Send the token as `parameter` and `parameterLocation` say, with `resourceServer` as `Bearer TOKEN`. \
             `bypassEmptyToken: true` forwards such requests.",
        ),
        Rejection::Malformed { .. } => (
            "The value is not a JWT: three segments of unpadded base64url separated by dots, a JSON header and JSON \
             claims without duplicate members, 16 KiB at most.",
            "Compare the beginning in the message with your token; `jwt-auth inspect` shows what is wrong with it.",
        ),
        Rejection::NoMatchingKey { kid: Some(_) } => (
            "No key has the token's `kid`, and every key has a `kid`.",
            "Add the issuer's key with this `kid` to `jwks`, or let the filter fetch the keys: `remoteJwks`. After a \
             change of keys, keep the old one until its tokens have expired.",
        ),
        Rejection::NoMatchingKey { kid: None } => (
            "The token has no `kid`, and every key has one.",
            "Have the issuer set `kid`, or remove `kid` from the configured key.",
        ),
        Rejection::Invalid(reason) => invalid(reason),
        Rejection::Expired { .. } => (
            "The token has expired: its `exp` is in the past.",
            "Get a new token. If it is new, compare the clocks of issuer and Envoy, or set `clockSkewSeconds`.",
        ),
        Rejection::ScopeMissing => (
            "The token lacks a scope of `requiredScopes`.",
            "Ask the authorization server for the scopes that the challenge names.",
        ),
        Rejection::Proof(reason) => proof(*reason),
        Rejection::ClaimNotAccepted { .. } => (
            "A claim of the token is not as `requiredClaims` says.",
            "Compare the claim that the message names, and its type: `jwt-auth inspect` shows the claims.",
        ),
        Rejection::JtiMissing => (
            "With `preventJtiReplay` a token needs a `jti` that is a string of 1 to 1024 bytes.",
            "Have the issuer set a random `jti`.",
        ),
        Rejection::JtiUsed => (
            "With `preventJtiReplay` each token is accepted once, and this `jti` of this issuer was used before.",
            "Get a new token for each request.",
        ),
        Rejection::ReplayStoreFull => (
            "There are as many unexpired `jti`s as `maxTrackedJtis` allows, and none is removed early.",
            "Raise `maxTrackedJtis`, or issue tokens with a shorter lifetime.",
        ),
        Rejection::EngineUnavailable => (
            "The engine of `jtiStore` did not answer in time, so it is not known whether this `jti` was used before.",
            "See Envoy's log for why. Get a new token, because this one may be used up.",
        ),
        Rejection::KeysUnavailable => (
            "The keys that could verify the token are fetched with `remoteJwks`, and they are not there.",
            "See Envoy's log for why fetching fails. Here, `--jwks FILE` stands in for the fetched keys.",
        ),
        Rejection::OpaqueForm => (
            "A claim is mapped to `formData`, and the body could hide a forged value: it is multipart, compressed, in \
             another charset or has several types.",
            "Send a plain application/x-www-form-urlencoded body.",
        ),
        Rejection::FormTooLarge { .. } => (
            "A claim is mapped to `formData`, and the form is larger than `maxFormBytes`.",
            "Send a smaller form, or raise `maxFormBytes` and Envoy's `per_connection_buffer_limit_bytes` together.",
        ),
        Rejection::HostFailure => ("A call to Envoy failed.", "See Envoy's log."),
        Rejection::Misconfigured { .. } => {
            ("The configuration has errors, so every request is rejected.", "Fix the errors listed.")
        }
    }
}

fn proof(reason: ProofError) -> (&'static str, &'static str) {
    match reason {
        ProofError::Missing => (
            "The request has no proof in the header `DPoP` (RFC 9449). With `required: true`, every request needs one.",
            "Make a proof for each request (`jwt-auth dpop`), and send the token with the scheme `DPoP`.",
        ),
        ProofError::Several => {
            ("The request has several proofs, in several headers `DPoP` or joined with a comma.", "Send one proof.")
        }
        ProofError::Malformed => (
            "The proof is not a JWT, or has more than 8 KiB.",
            "Compare it with the output of `jwt-auth dpop`; `jwt-auth inspect` shows what is wrong with it.",
        ),
        ProofError::Type => (
            "The header of the proof must have `typ` `dpop+jwt`.",
            "Send the proof in `DPoP` and the token in `Authorization`, not the other way round.",
        ),
        ProofError::Algorithm => (
            "The `alg` of the proof is not in `algorithms`, or does not fit its key. The default is ES256, EdDSA and \
             PS256.",
            "Sign proofs with an algorithm that the challenge names in `algs`, or add it to `algorithms`.",
        ),
        ProofError::Key => (
            "The `jwk` of the proof must be the public key of the client: RSA of 2048 to 4096 bits, P-256, P-384 or \
             Ed25519.",
            "Send only the public members. If a private one was sent, make a new key.",
        ),
        ProofError::Signature => (
            "The signature of the proof does not match its own `jwk`: another key signed it, or it was changed.",
            "Make the proof again, and copy the whole of it.",
        ),
        ProofError::Claim("htm") => {
            ("The proof is for another method.", "Make the proof with the method of the request.")
        }
        ProofError::Claim("htu") => (
            "The proof is for another URL. `htu` must be one of `origins` with the path of the request, without its \
             query. The host that the request names does not count.",
            "Make the proof with the URL that clients use, and set `origins` to its scheme, host and port.",
        ),
        ProofError::Claim("iat") => (
            "The proof was made more than `maxAgeSeconds` (default: 60) ago, or more than 5 seconds in the future.",
            "Make a new proof for each request, or compare the clocks of client and Envoy.",
        ),
        ProofError::Claim("ath") => (
            "The proof is for another access token: `ath` must be its SHA-256 in base64url.",
            "Make the proof with the token of the request (`jwt-auth dpop --access-token`).",
        ),
        ProofError::Claim(_) => (
            "A claim of the proof is missing or too long; `jti` may have 1 to 1024 bytes.",
            "Compare it with the output of `jwt-auth dpop`.",
        ),
        ProofError::Used => ("Each proof is accepted once, and this one was used before.", "Make a new proof."),
    }
}

fn invalid(reason: &Invalid) -> (&'static str, &'static str) {
    match reason {
        Invalid::SeveralTokens => (
            "The request has two different tokens, and the backend might use the one that was not checked.",
            "Send one token. Look for a proxy that adds a header, or a client that repeats a parameter.",
        ),
        Invalid::CriticalHeader => (
            "The header has `crit`, which requires extensions; the filter supports none.",
            "Have the issuer leave out `crit`.",
        ),
        Invalid::AlgorithmMissing => (
            "The header has no `alg` that is a string.",
            "Have the issuer set `alg` to the algorithm that it signs with.",
        ),
        Invalid::AlgorithmMismatch { .. } => (
            "The token's `alg` is not an algorithm of the key.",
            "Have the issuer sign with an algorithm of the configured key, or configure the key that it signs with. \
             `none` is never accepted.",
        ),
        Invalid::Signature => (
            "The signature does not match the token and the key with its `kid`: another key signed the token, or it \
             was changed.",
            "Compare the configured key with the issuer's JWK set. Copy the whole token again.",
        ),
        Invalid::NotNumericDate { .. } => (
            "`exp`, `nbf` and `iat` must be JSON numbers: seconds since 1970.",
            "Have the issuer use numbers instead of strings or dates.",
        ),
        Invalid::ExpirationMissing => (
            "The token has no `exp`, so it would never expire.",
            "Have the issuer set `exp`. `ignoreExpirationCheck: true` accepts tokens without it.",
        ),
        Invalid::NotYetValid { .. } => (
            "The token is not valid yet: its `nbf` is in the future.",
            "Wait, or compare the clocks of issuer and Envoy, or set `clockSkewSeconds`.",
        ),
        Invalid::LifetimeTooLong { .. } => (
            "The time from `iat` (or now, without `iat`) to `exp` is `maxTokenLifetimeSeconds` (default: 7 days) or \
             more. An `exp` in milliseconds looks like this, too.",
            "Issue tokens with a shorter lifetime, or set `maxTokenLifetimeSeconds`.",
        ),
        Invalid::IssuedBeforeStart => (
            "With `replayColdStart: refuse`, Envoy rejects tokens that may have been used before it started: those \
             whose `iat` is before that, missing or in the future.",
            "Get a new token. If it has no `iat`, have the issuer set it.",
        ),
        Invalid::TokenType => (
            "With `tokenType: at+jwt` the header `typ` must say that the token is an access token (RFC 9068).",
            "Send the access token, not the ID token; have the issuer set `typ`.",
        ),
        Invalid::ClaimRequired { .. } => (
            "With `tokenType: at+jwt` a token needs `iss`, `sub`, `client_id`, `jti`, `exp` and `iat` (RFC 9068).",
            "Have the issuer set the claim that the message names.",
        ),
        Invalid::BoundToken => (
            "The token is bound to a key (`cnf`), and a resource server must not accept it without proof of that key.",
            "With `dpop`, send the token with the scheme `DPoP` and a proof of the key (`jwt-auth dpop`). Otherwise, \
             or if `cnf` is not only a `jkt`, get a token that is not bound.",
        ),
        Invalid::OtherKey => (
            "The proof is made with another key than the one that the token is bound to (`cnf`), or the token is not \
             bound.",
            "Make the proof with the key that the token was issued for, or send an unbound token with the scheme \
             Bearer.",
        ),
        Invalid::Scopes => (
            "`scope` must be a string of scopes separated by one space each; `scp` may also be a list of scopes.",
            "Have the issuer write the scopes so.",
        ),
        Invalid::Issuer => (
            "The token's `iss` is not exactly one of the values of `issuer`, or not the issuer of the key that signed \
             it: with `remoteJwks`, the keys of an issuer verify only its tokens, and no other key does.",
            "Compare `iss` with `issuer` and `discovery`, including a slash at the end.",
        ),
        Invalid::Audience => (
            "The token's `aud` has none of the values of `audiences`.",
            "Have the issuer set one of them, or add the token's audience to `audiences`.",
        ),
        Invalid::RequestPath { .. } => (
            "The path of the request can't become part of `backendPath`: it could lead to another place.",
            "Send a path without dot segments, percent-encoded or not.",
        ),
        Invalid::Claim { .. } => (
            "The value of a claim of `claimParameters` does not fit its target.",
            "The message names the claim. Have the issuer use a plain value, set `format: json`, or map the claim to \
             another target.",
        ),
    }
}
