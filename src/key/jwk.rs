//! Reads one JWK ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)) of a configuration.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::Algorithm;
use super::material::{Curve, KeyError, VerifyingKey};
use crate::document::{Faults, Field, Section};

/// The members that only a private key has ([RFC 7518 §6.2.2](https://www.rfc-editor.org/rfc/rfc7518#section-6.2.2),
/// §6.3.2, [RFC 8037 §2](https://www.rfc-editor.org/rfc/rfc8037#section-2)).
pub(super) const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"];

/// A configured key, and the algorithms that tokens under it may use.
#[derive(Debug)]
pub(crate) struct Key {
    field: String,
    pub(super) id: Option<String>,
    algorithms: Vec<Algorithm>,
    verifying_key: VerifyingKey,
}

impl Key {
    /// The algorithm of this name, if tokens may use it with this key.
    pub(super) fn algorithm_named(&self, name: &str) -> Option<Algorithm> {
        self.algorithms.iter().copied().find(|algorithm| algorithm.name() == name)
    }

    /// The key material.
    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying_key
    }

    /// A description of the key for people who check a configuration.
    pub(super) fn describe(&self) -> ConfiguredKey<'_> {
        let rsa_modulus = self.verifying_key.rsa_modulus();
        ConfiguredKey { field: &self.field, id: self.id.as_deref(), algorithms: &self.algorithms, rsa_modulus }
    }

    /// Reads one JWK. Unknown members are ignored ([RFC 7517 §4](https://www.rfc-editor.org/rfc/rfc7517#section-4)).
    ///
    /// Configuration errors: malformed or weak key material, a private part, a member of a wrong type. A key is
    /// reported as unfit when its type, curve, algorithm or use is not one that this filter verifies with; a JWK set
    /// may hold such keys.
    pub(super) fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        let before = faults.count();
        let mut jwk = field.section(faults)?;
        let id = jwk.optional("kid").and_then(|kid| kid.name(faults));
        let is_for_verifying = check_use(&mut jwk, faults);
        let named = jwk.optional("alg");
        let name = named.as_ref().and_then(|field| field.string(faults));
        let key_type = jwk.required("kty", faults)?;
        let kty = key_type.string(faults)?;
        if kty != "oct" {
            report_private_members(&jwk, faults);
        }
        let mut of_material = Faults::default();
        let material = match kty {
            "RSA" => rsa(&mut jwk, &mut of_material),
            "EC" => ec(&mut jwk, &mut of_material),
            "OKP" => okp(&mut jwk, &mut of_material),
            "oct" => oct(&mut jwk, &mut of_material),
            _ => {
                of_material.report_unfit(key_type.path(), "expected RSA, EC, OKP or oct");
                None
            }
        };
        if is_for_verifying {
            faults.take(of_material);
        } else {
            // Weak or malformed material does no harm in a key that never verifies anything.
            faults.take_unfit(of_material);
        }
        let (verifying_key, family) = material?;
        let algorithms = match named {
            Some(field) => vec![named_algorithm(&field, name?, &family, faults)?],
            None => family,
        };
        (faults.count() == before).then_some(Self { field: field.path().to_owned(), id, algorithms, verifying_key })
    }
}

/// A description of a key, for tools that check a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredKey<'a> {
    /// The field of the JWK in the configuration or in the fetched set, such as `jwks.keys[1]` or `keys[1]`.
    pub field: &'a str,
    /// `kid`.
    pub id: Option<&'a str>,
    /// The algorithms that tokens may use with this key: the `alg` of the JWK, or without `alg` all that fit the key.
    pub algorithms: &'a [Algorithm],
    /// The modulus of an RSA key, big-endian; `None` for other keys.
    pub rsa_modulus: Option<Vec<u8>>,
}

/// Whether `use` and `key_ops` allow the key to verify signatures
/// ([RFC 7517 §4.2](https://www.rfc-editor.org/rfc/rfc7517#section-4.2), §4.3).
fn check_use(jwk: &mut Section, faults: &mut Faults) -> bool {
    let before = faults.count();
    if let Some(field) = jwk.optional("use")
        && let Some(value) = field.string(faults)
        && value != "sig"
    {
        faults.report_unfit(field.path(), "expected sig");
    }
    if let Some(field) = jwk.optional("key_ops")
        && let Some(operations) = field.list(faults)
    {
        let names: Vec<_> = operations.iter().filter_map(|operation| operation.string(faults)).collect();
        if !names.contains(&"verify") {
            faults.report_unfit(field.path(), "expected a list with verify");
        }
    }
    faults.count() == before
}

fn report_private_members(jwk: &Section, faults: &mut Faults) {
    for member in PRIVATE_MEMBERS.into_iter().chain(["k"]) {
        if jwk.contains(member) {
            faults.report(jwk.path_of(member), "expected a public key, found a private or secret part");
        }
    }
}

/// Key material and the algorithms that fit it.
type UsableKey = (VerifyingKey, Vec<Algorithm>);

fn rsa(jwk: &mut Section, faults: &mut Faults) -> Option<UsableKey> {
    let modulus = bytes(jwk, "n", faults);
    let exponent = bytes(jwk, "e", faults);
    match VerifyingKey::rsa(&modulus?, &exponent?) {
        Ok(key) => return Some((key, Algorithm::RSA.to_vec())),
        Err(KeyError::ModulusSize) => faults.report(jwk.path_of("n"), "expected a modulus of 2048 to 4096 bits"),
        Err(KeyError::Exponent) => faults.report(jwk.path_of("e"), "expected AQAB (65537)"),
        Err(KeyError::Modulus | KeyError::Point) => faults.report(jwk.path_of("n"), "expected an odd modulus"),
    }
    None
}

fn ec(jwk: &mut Section, faults: &mut Faults) -> Option<UsableKey> {
    let curve = one_of(
        jwk,
        "crv",
        &[("P-256", Curve::P256), ("P-384", Curve::P384), ("P-521", Curve::P521), ("secp256k1", Curve::Secp256k1)],
        "expected P-256, P-384, P-521 or secp256k1",
        faults,
    );
    let x = bytes(jwk, "x", faults);
    let y = bytes(jwk, "y", faults);
    let curve = curve?;
    let Ok(key) = VerifyingKey::ec(curve, &x?, &y?) else {
        faults.report(jwk.path_of("x"), "expected x and y to be a point of the curve");
        return None;
    };
    Some((key, vec![curve.algorithm()]))
}

fn okp(jwk: &mut Section, faults: &mut Faults) -> Option<UsableKey> {
    let curve = one_of(jwk, "crv", &[("Ed25519", ())], "expected Ed25519", faults);
    let x = bytes(jwk, "x", faults);
    curve?;
    let Ok(key) = VerifyingKey::ed25519(&x?) else {
        faults.report(jwk.path_of("x"), "expected a point of the curve in 32 bytes");
        return None;
    };
    Some((key, Algorithm::ED25519.to_vec()))
}

/// A secret fits the algorithms whose hash is not longer than the secret.
fn oct(jwk: &mut Section, faults: &mut Faults) -> Option<UsableKey> {
    let secret = bytes(jwk, "k", faults)?;
    let usable: Vec<_> = Algorithm::HMAC
        .iter()
        .copied()
        .filter(|algorithm| algorithm.min_secret_bytes().is_some_and(|least| secret.len() >= least))
        .collect();
    if usable.is_empty() {
        faults.report(jwk.path_of("k"), "expected a secret of at least 32 bytes");
        return None;
    }
    Some((VerifyingKey::secret(&secret), usable))
}

/// The algorithm in `alg`, which must be one of `family`, the algorithms that fit the key material. A secret that is
/// too short for its `alg` is a configuration error; any other mismatch makes the key unfit.
fn named_algorithm(field: &Field, name: &str, family: &[Algorithm], faults: &mut Faults) -> Option<Algorithm> {
    let named = |algorithms: &[Algorithm]| algorithms.iter().copied().find(|algorithm| algorithm.name() == name);
    let algorithm = named(family);
    if algorithm.is_none() {
        let names: Vec<_> = family.iter().map(|algorithm| algorithm.name()).collect();
        let expected = format!("expected what fits this key: {}", names.join(", "));
        let is_secret = family.iter().any(|algorithm| Algorithm::HMAC.contains(algorithm));
        if is_secret && named(Algorithm::HMAC).is_some() {
            faults.report(field.path(), expected);
        } else {
            faults.report_unfit(field.path(), expected);
        }
    }
    algorithm
}

fn one_of<T: Copy>(
    jwk: &mut Section,
    name: &str,
    choices: &[(&str, T)],
    expected: &str,
    faults: &mut Faults,
) -> Option<T> {
    let field = jwk.required(name, faults)?;
    let text = field.string(faults)?;
    let choice = choices.iter().find_map(|&(name, choice)| (name == text).then_some(choice));
    if choice.is_none() {
        faults.report_unfit(field.path(), expected);
    }
    choice
}

fn bytes(jwk: &mut Section, name: &str, faults: &mut Faults) -> Option<Vec<u8>> {
    let field = jwk.required(name, faults)?;
    let decoded = URL_SAFE_NO_PAD.decode(field.string(faults)?).ok();
    if decoded.is_none() {
        faults.report(field.path(), "expected base64url without padding");
    }
    decoded
}
