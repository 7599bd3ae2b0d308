use std::fmt;

/// A JWS signature algorithm (RFC 7518, section 3; RFC 8037; RFC 8812; RFC 9864), named as in the `alg` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names explain themselves")]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    ES512,
    ES256K,
    EdDSA,
    Ed25519,
    HS256,
    HS384,
    HS512,
}

impl Algorithm {
    /// Every algorithm that the filter knows.
    pub const ALL: [Self; 15] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::ES256K,
        Self::EdDSA,
        Self::Ed25519,
        Self::HS256,
        Self::HS384,
        Self::HS512,
    ];

    /// The algorithm with exactly this name.
    pub fn from_name(alg: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == alg)
    }

    /// The value of the `alg` header.
    pub fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::ES256K => "ES256K",
            Self::EdDSA => "EdDSA",
            Self::Ed25519 => "Ed25519",
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    /// The family of keys that it signs with.
    pub fn family(self) -> Family {
        match self {
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => Family::Rsa,
            Self::ES256 => Family::P256,
            Self::ES384 => Family::P384,
            Self::ES512 => Family::P521,
            Self::ES256K => Family::Secp256k1,
            Self::EdDSA | Self::Ed25519 => Family::Ed25519,
            Self::HS256 | Self::HS384 | Self::HS512 => Family::Oct,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A family of keys: the JWK's `kty` and, if it has one, its `crv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names explain themselves")]
pub enum Family {
    Rsa,
    P256,
    P384,
    P521,
    Secp256k1,
    Ed25519,
    Oct,
}

impl Family {
    /// The number of families.
    pub const COUNT: usize = Self::Oct as usize + 1;
}
