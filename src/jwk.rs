//! The configured keys [RFC 7517]: read once, with the algorithms that each one may verify.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::config::{Faults, Field, Section};
use crate::rejection::Rejection;
use crate::signature::{Algorithm, Curve, KeyError, VerifyingKey};
use crate::token::KeyId;

/// Members that only a private key has [RFC 7518 §6.2.2, §6.3.2, RFC 8037 §2].
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"];

/// A key of the configuration.
#[derive(Debug)]
pub(crate) struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    verifying_key: VerifyingKey,
}

impl Key {
    /// The algorithms that a token may be signed with: fixed by the key, never by the token.
    pub(crate) fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// The key material.
    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying_key
    }

    /// Reads one JWK. Faults: a type, curve or algorithm that is not supported or does not fit; a private part; a use
    /// other than signatures; weak or broken key material. Members that are not understood are ignored [RFC 7517 §4].
    fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        let before = faults.count();
        let mut jwk = field.section(faults)?;
        let id = jwk.optional("kid").and_then(|kid| kid.name(faults));
        check_use(&mut jwk, faults);
        let named = jwk.optional("alg");
        let key_type = jwk.required("kty", faults)?;
        let kty = key_type.string(faults)?;
        if kty != "oct" {
            refuse_private_members(&jwk, faults);
        }
        let material = match kty {
            "RSA" => rsa(&mut jwk, faults),
            "EC" => ec(&mut jwk, faults),
            "OKP" => okp(&mut jwk, faults),
            "oct" => oct(&mut jwk, faults),
            _ => {
                faults.report(key_type.path(), "expected RSA, EC, OKP or oct");
                None
            }
        };
        let (verifying_key, family) = material?;
        let algorithms = match named {
            Some(field) => vec![named_algorithm(&field, &family, faults)?],
            None => family,
        };
        (faults.count() == before).then_some(Self { id, algorithms, verifying_key })
    }
}

/// The keys of a configuration, at least one.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads `jwk` and `jwks`. Faults beside those of a key: no key at all, a `kid` twice, two keys without one.
    pub(crate) fn parse(jwk: Option<Field>, jwks: Option<Field>, faults: &mut Faults) -> Option<Self> {
        if jwk.is_none() && jwks.is_none() {
            faults.report("jwk", "expected a key here or in jwks, found neither");
            return None;
        }
        let mut fields: Vec<_> = jwk.into_iter().collect();
        if let Some(jwks) = jwks {
            let list = match jwks.as_section() {
                Some(mut set) => set.required("keys", faults)?,
                None => jwks,
            };
            let keys = list.list(faults)?;
            if keys.is_empty() {
                faults.report(list.path(), "expected at least one key");
            }
            fields.extend(keys);
        }
        let expected = fields.len();
        let mut keys: Vec<Key> = Vec::with_capacity(expected);
        for field in fields {
            let Some(key) = Key::parse(&field, faults) else { continue };
            if keys.iter().all(|other| other.id != key.id) {
                keys.push(key);
            } else if key.id.is_some() {
                faults.report(format!("{}.kid", field.path()), "expected a kid that no other key has");
            } else {
                faults.report(field.path(), "expected a kid, since another key has none");
            }
        }
        (keys.len() == expected && expected > 0).then_some(Self(keys))
    }

    /// The key for a token: the one of its `kid`, else the one without a `kid`, else none, which is A403JK. No other key
    /// is ever tried.
    pub(crate) fn select(&self, key_id: &KeyId) -> Result<&Key, Rejection> {
        let named = match key_id {
            KeyId::Text(kid) => self.with_id(Some(kid)).or_else(|| self.with_id(None)),
            KeyId::Absent => self.with_id(None),
            KeyId::NotText(_) => None,
        };
        named.ok_or_else(|| Rejection::NoMatchingKey { kid: key_id.excerpt() })
    }

    fn with_id(&self, id: Option<&str>) -> Option<&Key> {
        self.0.iter().find(|key| key.id.as_deref() == id)
    }
}

fn check_use(jwk: &mut Section, faults: &mut Faults) {
    if let Some(field) = jwk.optional("use")
        && let Some(value) = field.string(faults)
        && value != "sig"
    {
        faults.report(field.path(), "expected sig");
    }
    if let Some(field) = jwk.optional("key_ops")
        && let Some(operations) = field.list(faults)
    {
        let names: Vec<_> = operations.iter().filter_map(|operation| operation.string(faults)).collect();
        if !names.contains(&"verify") {
            faults.report(field.path(), "expected a list with verify");
        }
    }
}

fn refuse_private_members(jwk: &Section, faults: &mut Faults) {
    for member in PRIVATE_MEMBERS.into_iter().chain(["k"]) {
        if jwk.contains(member) {
            faults.report(jwk.path_of(member), "expected a public key, found a private or secret part");
        }
    }
}

/// Key material and the algorithms that it can be used with.
type Material = (VerifyingKey, Vec<Algorithm>);

fn rsa(jwk: &mut Section, faults: &mut Faults) -> Option<Material> {
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

fn ec(jwk: &mut Section, faults: &mut Faults) -> Option<Material> {
    let curve = one_of(
        jwk,
        "crv",
        &[("P-256", Curve::P256), ("P-384", Curve::P384), ("secp256k1", Curve::Secp256k1)],
        "expected P-256, P-384 or secp256k1",
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

fn okp(jwk: &mut Section, faults: &mut Faults) -> Option<Material> {
    let curve = one_of(jwk, "crv", &[("Ed25519", ())], "expected Ed25519", faults);
    let x = bytes(jwk, "x", faults);
    curve?;
    let Ok(key) = VerifyingKey::ed25519(&x?) else {
        faults.report(jwk.path_of("x"), "expected a point of the curve in 32 bytes");
        return None;
    };
    Some((key, vec![Algorithm::EdDsa]))
}

/// A secret is usable with the hashes that are not longer than itself.
fn oct(jwk: &mut Section, faults: &mut Faults) -> Option<Material> {
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

/// The algorithm that a key names, which must be one that its material can be used with.
fn named_algorithm(field: &Field, family: &[Algorithm], faults: &mut Faults) -> Option<Algorithm> {
    let name = field.string(faults)?;
    let algorithm = family.iter().copied().find(|algorithm| algorithm.name() == name);
    if algorithm.is_none() {
        let names: Vec<_> = family.iter().map(|algorithm| algorithm.name()).collect();
        faults.report(field.path(), format!("expected what fits this key: {}", names.join(", ")));
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
        faults.report(field.path(), expected);
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
