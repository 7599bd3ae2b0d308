//! The JWS algorithms that the filter supports.

/// A JWS algorithm for signatures or MACs. `none` is not supported.
///
/// Defined in [RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1),
/// [RFC 8037 §3.1](https://www.rfc-editor.org/rfc/rfc8037#section-3.1) (EdDSA),
/// [RFC 8812 §3.2](https://www.rfc-editor.org/rfc/rfc8812#section-3.2) (ES256K) and
/// [RFC 9864 §2.2](https://www.rfc-editor.org/rfc/rfc9864#section-2.2) (Ed25519).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants have the names of the RFCs")]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    Es256k,
    EdDsa,
    Ed25519,
    Hs256,
    Hs384,
    Hs512,
}

impl Algorithm {
    /// All supported algorithms.
    pub const ALL: [Self; 15] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Es256k,
        Self::EdDsa,
        Self::Ed25519,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];
    /// The algorithms of an RSA key without `alg`.
    pub const RSA: &[Self] = &[Self::Rs256, Self::Rs384, Self::Rs512, Self::Ps256, Self::Ps384, Self::Ps512];
    /// The algorithms of an Ed25519 key without `alg`: two names for the same signature
    /// ([RFC 9864 §2.2](https://www.rfc-editor.org/rfc/rfc9864#section-2.2)).
    pub const ED25519: &[Self] = &[Self::EdDsa, Self::Ed25519];
    /// The algorithms of a symmetric key without `alg`, each with its own minimum length of the secret.
    pub const HMAC: &[Self] = &[Self::Hs256, Self::Hs384, Self::Hs512];

    /// Whether it is one of [`Self::HMAC`], whose key is a secret.
    pub fn is_hmac(self) -> bool {
        Self::HMAC.contains(&self)
    }

    /// The value of `alg` for this algorithm.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Es256k => "ES256K",
            Self::EdDsa => "EdDSA",
            Self::Ed25519 => "Ed25519",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The minimum length of a secret, in bytes: the output length of the hash
    /// ([RFC 7518 §3.2](https://www.rfc-editor.org/rfc/rfc7518#section-3.2)). `None` for algorithms with a public key.
    pub fn min_secret_bytes(self) -> Option<usize> {
        match self {
            Self::Hs256 => Some(32),
            Self::Hs384 => Some(48),
            Self::Hs512 => Some(64),
            _ => None,
        }
    }
}
