//! Why the filter refuses, and what to do about it: the README's table of codes at length.

use jwt_auth::{Invalid, Rejection};

/// A refusal in plain words.
pub(super) struct Explanation {
    pub(super) why: &'static str,
    pub(super) remedy: &'static str,
}

/// The words for a refusal.
pub(super) fn explain(rejection: &Rejection) -> Explanation {
    let (why, remedy) = match rejection {
        Rejection::TokenMissing => (
            "There is no token where the configuration has the filter look for it, or only blanks.",
            "Send it where `parameter` and `parameterLocation` say. `bypassEmptyToken: true` lets such requests by.",
        ),
        Rejection::Malformed { .. } => (
            "What was sent can't be read as a JWT: three parts of unpadded base64url with dots between, a JSON header and \
             JSON claims without duplicate members, at most 16 KiB.",
            "Compare the beginning in the message with what you meant to send; `jwt-auth inspect` says what is wrong with it.",
        ),
        Rejection::NoMatchingKey { kid: Some(_) } => (
            "No configured key has the token's `kid`, and none is without a `kid`.",
            "Add the issuer's key with this `kid` to `jwks`; after the issuer changed keys its old tokens need the old one.",
        ),
        Rejection::NoMatchingKey { kid: None } => (
            "The token names no `kid`, and every configured key has one.",
            "Let the issuer put in the `kid`, or leave `kid` out of the configured key.",
        ),
        Rejection::Invalid(reason) => invalid(reason),
        Rejection::Expired { .. } => (
            "The token was good once: its `exp` is past.",
            "Get a new one. If it is new, compare the clocks of issuer and Envoy, or set `clockSkewSeconds`.",
        ),
        Rejection::JtiMissing => (
            "With `preventJtiReplay` a token needs a `jti` that is a string of 1 to 1024 bytes.",
            "Let the issuer put in a random one.",
        ),
        Rejection::JtiUsed => (
            "With `preventJtiReplay` each token passes once, and this `jti` of this issuer was used.",
            "Get a new token for each request.",
        ),
        Rejection::ReplayStoreFull => (
            "As many `jti`s are live as `maxTrackedJtis` allows, and none is forgotten early.",
            "Raise `maxTrackedJtis`, or issue tokens for a shorter time.",
        ),
        Rejection::OpaqueForm => (
            "A claim is mapped to `formData`, and the body is one in which a forged value could hide: multipart, compressed, \
             in another charset or of several types.",
            "Send a plain application/x-www-form-urlencoded body.",
        ),
        Rejection::FormTooLarge { .. } => (
            "A claim is mapped to `formData`, and the form is larger than `maxFormBytes`.",
            "Send a smaller form, or raise `maxFormBytes` and Envoy's `per_connection_buffer_limit_bytes` together.",
        ),
        Rejection::HostFailure => ("Envoy failed a call that the filter can't do without.", "See Envoy's log."),
        Rejection::Misconfigured { .. } => {
            ("The configuration has faults, so every request is refused.", "Mend the faults that are listed.")
        }
    };
    Explanation { why, remedy }
}

fn invalid(reason: &Invalid) -> (&'static str, &'static str) {
    match reason {
        Invalid::SeveralTokens => (
            "The place holds two different values, and the backend might use the one that was not checked.",
            "Send one token; look for a proxy that adds a header, or a client that repeats a parameter.",
        ),
        Invalid::CriticalHeader => (
            "The header has `crit`, which demands that extensions be understood; the filter understands none.",
            "Let the issuer leave `crit` out.",
        ),
        Invalid::AlgorithmMissing => {
            ("The header has no `alg` that is a string.", "Let the issuer put in the algorithm that it signs with.")
        }
        Invalid::AlgorithmMismatch { .. } => (
            "The key fixes the algorithm, and the token names another one.",
            "Let the issuer sign with an algorithm of the configured key, or configure the key that it signs with. \
             `none` is never one.",
        ),
        Invalid::Signature => (
            "The signature does not belong to this token and the key of its `kid`: another key signed it, or it was changed.",
            "Compare the configured key with the issuer's (its JWKS); copy the token anew, as a whole.",
        ),
        Invalid::NotNumericDate { .. } => (
            "`exp`, `nbf` and `iat` must be JSON numbers, counted in seconds since 1970.",
            "Let the issuer write numbers, not strings or dates.",
        ),
        Invalid::ExpirationMissing => (
            "The token has no `exp`, so it would be good for ever.",
            "Let the issuer put in `exp`; `ignoreExpirationCheck: true` does without.",
        ),
        Invalid::NotYetValid { .. } => (
            "The token's `nbf` is still to come.",
            "Wait, or compare the clocks of issuer and Envoy, or set `clockSkewSeconds`.",
        ),
        Invalid::LifetimeTooLong { .. } => (
            "From `iat` (or now, without `iat`) to `exp` is as long as `maxTokenLifetimeSeconds` or longer; its default is 7 \
             days. An `exp` in milliseconds looks like this, too.",
            "Issue tokens for a shorter time, or set `maxTokenLifetimeSeconds`.",
        ),
        Invalid::Issuer => (
            "`issuer` is configured, and the token's `iss` is not one of them, letter for letter.",
            "Compare the two, also the slash at the end.",
        ),
        Invalid::Audience => (
            "`audiences` is configured, and the token's `aud` names none of them.",
            "Let the issuer put in one of them, or add the token's to `audiences`.",
        ),
        Invalid::RequestPath { .. } => (
            "The path of the request can't be made part of `backendPath`: it could lead somewhere else.",
            "Send a path without dot segments, also percent-encoded ones.",
        ),
        Invalid::Claim { .. } => (
            "A claim of `claimParameters` has no text that its place can carry.",
            "See the message for the claim; let the issuer put in a plain value, set `format: json`, or map it to another place.",
        ),
    }
}
