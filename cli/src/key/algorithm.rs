//! Which algorithms go with which kind of key.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, Error};
use jwt_auth::Algorithm;

use crate::failure::Failure;
use crate::jwk::Jwk;

/// A kind of key: `kty` and, where there is one, `crv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Rsa,
    P256,
    P384,
    P521,
    Secp256k1,
    Ed25519,
    Oct,
}

const FAMILIES: [Family; 7] =
    [Family::Rsa, Family::P256, Family::P384, Family::P521, Family::Secp256k1, Family::Ed25519, Family::Oct];

impl Family {
    /// The kind of a JWK, by `kty` and `crv`.
    pub(crate) fn of(jwk: &Jwk) -> Result<Self, Failure> {
        let found = FAMILIES.into_iter().find(|family| (family.kty(), family.crv()) == (&jwk.kty, jwk.crv.as_deref()));
        found.ok_or_else(|| {
            Failure::new("the key: kty and crv are none that the filter knows")
                .with_remedy("it knows RSA; EC with P-256, P-384, P-521 or secp256k1; OKP with Ed25519; and oct")
        })
    }

    /// The kind of key for an algorithm.
    pub(crate) fn for_algorithm(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => Self::Rsa,
            Algorithm::Es256 => Self::P256,
            Algorithm::Es384 => Self::P384,
            Algorithm::Es512 => Self::P521,
            Algorithm::Es256k => Self::Secp256k1,
            Algorithm::EdDsa | Algorithm::Ed25519 => Self::Ed25519,
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => Self::Oct,
        }
    }

    /// `kty` [RFC 7518 §6.1, RFC 8037 §2].
    pub(crate) fn kty(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::P256 | Self::P384 | Self::P521 | Self::Secp256k1 => "EC",
            Self::Ed25519 => "OKP",
            Self::Oct => "oct",
        }
    }

    /// `crv` [RFC 7518 §6.2.1.1, RFC 8037 §2, RFC 8812 §3.1].
    pub(crate) fn crv(self) -> Option<&'static str> {
        match self {
            Self::P256 => Some("P-256"),
            Self::P384 => Some("P-384"),
            Self::P521 => Some("P-521"),
            Self::Secp256k1 => Some("secp256k1"),
            Self::Ed25519 => Some("Ed25519"),
            Self::Rsa | Self::Oct => None,
        }
    }

    /// What such a key can sign with.
    pub(crate) fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Rsa => Algorithm::RSA,
            Self::P256 => &[Algorithm::Es256],
            Self::P384 => &[Algorithm::Es384],
            Self::P521 => &[Algorithm::Es512],
            Self::Secp256k1 => &[Algorithm::Es256k],
            Self::Ed25519 => Algorithm::ED25519,
            Self::Oct => Algorithm::HMAC,
        }
    }
}

/// Reads the name of an algorithm from the command line, and lists all in the help.
pub(crate) fn algorithm_parser() -> impl TypedValueParser<Value = Algorithm> {
    parser_of(|_| true)
}

/// The same for algorithms whose keys have a public part.
pub(crate) fn public_key_algorithm_parser() -> impl TypedValueParser<Value = Algorithm> {
    parser_of(|family| family != Family::Oct)
}

fn parser_of(wanted: fn(Family) -> bool) -> impl TypedValueParser<Value = Algorithm> {
    let all = FAMILIES.into_iter().filter(move |family| wanted(*family)).flat_map(Family::algorithms).copied();
    AlgorithmParser(all.collect())
}

/// A parser that suggests the nearest name in any case: that of clap finds HS256 nearer to rs256 than RS256.
#[derive(Clone)]
struct AlgorithmParser(Vec<Algorithm>);

impl TypedValueParser for AlgorithmParser {
    type Value = Algorithm;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Algorithm, Error> {
        let names = self.0.iter().map(|algorithm| algorithm.name());
        match PossibleValuesParser::new(names).parse_ref(command, arg, value) {
            Ok(name) => Algorithm::ALL
                .into_iter()
                .find(|algorithm| algorithm.name() == name)
                .ok_or_else(|| Error::raw(clap::error::ErrorKind::InvalidValue, "no such algorithm")),
            Err(mut error) => {
                error.remove(ContextKind::SuggestedValue);
                if let Some(name) = value.to_str().and_then(|value| self.nearest(value)) {
                    error.insert(ContextKind::SuggestedValue, ContextValue::String(name.to_owned()));
                }
                Err(error)
            }
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|algorithm| PossibleValue::new(algorithm.name()))))
    }
}

impl AlgorithmParser {
    /// The name at which a misspelt one is likely to aim.
    fn nearest(&self, value: &str) -> Option<&'static str> {
        /// Two letters off, RS256 would be HS384.
        const MAX_DISTANCE: usize = 2;
        let value = value.to_ascii_uppercase();
        let distance = |name: &str| strsim::osa_distance(&name.to_ascii_uppercase(), &value);
        let names = self.0.iter().map(|algorithm| (distance(algorithm.name()), algorithm.name()));
        names.filter(|(distance, _)| *distance <= MAX_DISTANCE).min().map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_in_any_case_and_none_where_all_are_far() {
        let AlgorithmParser(all) = AlgorithmParser(Algorithm::ALL.to_vec());
        let parser = AlgorithmParser(all);
        for (value, expected) in [
            ("rs256", Some("RS256")),
            ("ps384", Some("PS384")),
            ("hs512", Some("HS512")),
            ("es256k", Some("ES256K")),
            ("eddsa", Some("EdDSA")),
            ("RS-256", Some("RS256")),
            ("none", None),
            ("", None),
        ] {
            assert_eq!(parser.nearest(value), expected, "{value}");
        }
    }
}
