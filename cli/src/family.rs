//! The kinds of keys, and the algorithms that each can sign with.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaSigningAlgorithm,
};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jwt_auth::{Algorithm, ProofVerifier};
use x509_cert::der::asn1::ObjectIdentifier;

use crate::failure::Failure;
use crate::jwk::Jwk;

/// A kind of key: `kty` and, if it has one, `crv`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Family {
    Rsa,
    Ec(&'static Curve),
    Ed25519,
    Oct,
}

/// An elliptic curve for ECDSA.
#[derive(Debug)]
pub(crate) struct Curve {
    /// `crv` [RFC 7518 §6.2.1.1, RFC 8812 §3.1].
    pub(crate) crv: &'static str,
    /// Its name in DER [RFC 5480 §2.1.1.1; SEC 2 §A.2.1 for secp256k1].
    pub(crate) oid: ObjectIdentifier,
    /// Bytes in each coordinate, and in a private key.
    pub(crate) size: usize,
    pub(crate) signing: &'static EcdsaSigningAlgorithm,
    algorithms: &'static [Algorithm],
}

/// The curves of the filter.
pub(crate) static CURVES: [Curve; 4] = [
    Curve {
        crv: "P-256",
        oid: ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        size: 32,
        signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
        algorithms: &[Algorithm::Es256],
    },
    Curve {
        crv: "P-384",
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.34"),
        size: 48,
        signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
        algorithms: &[Algorithm::Es384],
    },
    Curve {
        crv: "P-521",
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.35"),
        size: 66,
        signing: &ECDSA_P521_SHA512_FIXED_SIGNING,
        algorithms: &[Algorithm::Es512],
    },
    Curve {
        crv: "secp256k1",
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.10"),
        size: 32,
        signing: &ECDSA_P256K1_SHA256_FIXED_SIGNING,
        algorithms: &[Algorithm::Es256k],
    },
];

impl Family {
    fn all() -> impl Iterator<Item = Self> {
        [Self::Rsa].into_iter().chain(CURVES.iter().map(Self::Ec)).chain([Self::Ed25519, Self::Oct])
    }

    /// The kind of a JWK.
    ///
    /// # Errors
    /// If the filter does not support its `kty` and `crv`.
    pub(crate) fn of(jwk: &Jwk) -> Result<Self, Failure> {
        let found = Self::all().find(|family| (family.kty(), family.crv()) == (&jwk.kty, jwk.crv.as_deref()));
        found.ok_or_else(|| {
            Failure::new("the key: unsupported kty or crv")
                .with_remedy("supported: RSA; EC with crv P-256, P-384, P-521 or secp256k1; OKP with crv Ed25519; oct")
        })
    }

    /// The kind of key that an algorithm signs with.
    pub(crate) fn for_algorithm(algorithm: Algorithm) -> Self {
        // Each algorithm belongs to one kind; a secret is the last.
        Self::all().find(|family| family.algorithms().contains(&algorithm)).unwrap_or(Self::Oct)
    }

    /// Whether it is a shared secret, which has no public key.
    pub(crate) fn is_secret(self) -> bool {
        matches!(self, Self::Oct)
    }

    /// `kty` [RFC 7518 §6.1, RFC 8037 §2].
    pub(crate) fn kty(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::Ec(_) => "EC",
            Self::Ed25519 => "OKP",
            Self::Oct => "oct",
        }
    }

    /// `crv`, if the kind has one.
    pub(crate) fn crv(self) -> Option<&'static str> {
        match self {
            Self::Ec(curve) => Some(curve.crv),
            Self::Ed25519 => Some("Ed25519"),
            Self::Rsa | Self::Oct => None,
        }
    }

    /// The algorithms that a key of this kind can sign with.
    pub(crate) fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Rsa => Algorithm::RSA,
            Self::Ec(curve) => curve.algorithms,
            Self::Ed25519 => Algorithm::ED25519,
            Self::Oct => Algorithm::HMAC,
        }
    }
}

/// Reads the name of an algorithm from the command line. The argument should set `ignore_case`.
pub(crate) fn algorithm_parser() -> impl TypedValueParser<Value = Algorithm> {
    parser_of(Family::all())
}

/// Reads the name of an algorithm whose keys have a public part.
pub(crate) fn public_key_algorithm_parser() -> impl TypedValueParser<Value = Algorithm> {
    parser_of(Family::all().filter(|family| !family.is_secret()))
}

/// Reads the name of an algorithm for proofs of possession.
pub(crate) fn proof_algorithm_parser() -> impl TypedValueParser<Value = Algorithm> {
    parser_of_algorithms(ProofVerifier::algorithms().into_iter())
}

fn parser_of(families: impl Iterator<Item = Family>) -> impl TypedValueParser<Value = Algorithm> {
    parser_of_algorithms(families.flat_map(Family::algorithms).copied())
}

fn parser_of_algorithms(algorithms: impl Iterator<Item = Algorithm>) -> impl TypedValueParser<Value = Algorithm> {
    let names = algorithms.map(|algorithm| algorithm.name());
    PossibleValuesParser::new(names).try_map(|name| {
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(&name))
            .ok_or("unknown algorithm")
    })
}
