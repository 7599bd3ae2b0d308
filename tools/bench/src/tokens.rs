//! The tokens of a run, in files with one token per line.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::issuer::{Algorithm, SigningKey, base64url};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding};
use serde_json::{Map, Value, json};

/// The kind of token in a variant's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// No token.
    Missing,
    /// Valid tokens of about 600 bytes.
    Good(Algorithm),
    /// Valid RS256 tokens of about 4 KB, with 50 claims.
    Large,
    /// RS256 tokens with one bit of the signature flipped.
    BadSignature,
    /// Expired RS256 tokens with a valid signature.
    Expired,
    /// Valid RS256 tokens with a lifetime of a few seconds, so that their `jti`s expire before the next turn.
    ShortLived,
}

/// The keys of a run: one for each algorithm, with its name as `kid`.
pub(crate) struct Issuer {
    rsa: KeyPair,
    now: u64,
}

/// The lifetime of tokens that must stay valid for the whole run.
const LIFETIME: u64 = 6 * 60 * 60;
const SHORT_LIFETIME: u64 = 20;

impl Issuer {
    pub(crate) fn new() -> Self {
        let jwk = SigningKey::cached(Algorithm::RS256).private_jwk(None, false);
        let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap_or_default()).unwrap_or_default();
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n: part("n"), e: part("e") },
            d: part("d"),
            p: part("p"),
            q: part("q"),
            dP: part("dp"),
            dQ: part("dq"),
            qInv: part("qi"),
        };
        let rsa = KeyPair::from_components(&components).expect("the test kit's keys are complete");
        Self { rsa, now: unix_now() }
    }

    /// The public keys for these algorithms, as a list of JWKs.
    pub(crate) fn jwks(algorithms: &[Algorithm]) -> Value {
        let jwk = |algorithm: &Algorithm| SigningKey::cached(*algorithm).public_jwk(Some(algorithm.name()), true);
        algorithms.iter().map(jwk).collect()
    }

    /// Writes `count` different tokens. They also differ from those of another call if the ranges from `first` don't
    /// overlap.
    pub(crate) fn write(&self, path: &Path, kind: Kind, first: usize, count: usize) -> Result<(), String> {
        const THREADS: usize = 2;
        let share = count.div_ceil(THREADS);
        let chunks: Vec<Vec<String>> = thread::scope(|scope| {
            let chunk = |thread: usize| {
                let numbers = first + thread * share..first + count.min((thread + 1) * share);
                scope.spawn(move || numbers.map(|number| self.token(kind, number)).collect())
            };
            let threads: Vec<_> = (0..THREADS).map(chunk).collect();
            threads.into_iter().map(|thread| thread.join().expect("signing does not panic")).collect()
        });
        let written = File::create(path).and_then(|file| {
            let mut file = BufWriter::new(file);
            for token in chunks.iter().flatten() {
                writeln!(file, "{token}")?;
            }
            file.flush()
        });
        written.map_err(|error| format!("{}: {error}", path.display()))
    }

    fn token(&self, kind: Kind, number: usize) -> String {
        let mut claims = json!({
            "iss": "https://issuer.example.com", "sub": format!("user-{number}"), "aud": "orders", "tenant": "acme",
            "scope": "read write", "jti": format!("{number:032x}"), "iat": self.now, "exp": self.now + LIFETIME,
        });
        let algorithm = match kind {
            Kind::Good(algorithm) => algorithm,
            Kind::Missing | Kind::Large | Kind::BadSignature | Kind::Expired | Kind::ShortLived => Algorithm::RS256,
        };
        match kind {
            Kind::Missing => return String::new(),
            Kind::Large => {
                let more = (0..42).map(|index| (format!("claim-number-{index}"), Value::from("x".repeat(34))));
                claims.as_object_mut().map(|claims| claims.extend(more.collect::<Map<_, _>>())).unwrap_or_default();
            }
            Kind::Expired => claims["exp"] = (self.now - 60).into(),
            Kind::ShortLived => claims["exp"] = (unix_now() + SHORT_LIFETIME).into(),
            Kind::Good(_) | Kind::BadSignature => {}
        }
        let header = json!({"alg": algorithm.name(), "typ": "JWT", "kid": algorithm.name()});
        let message =
            format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
        let mut signature = self.sign(algorithm, message.as_bytes());
        if kind == Kind::BadSignature
            && let Some(byte) = signature.get_mut(100)
        {
            *byte ^= 1;
        }
        format!("{message}.{}", base64url(&signature))
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        let rsa = |padding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(padding, &SystemRandom::new(), message, &mut signature).expect("the key has 2048 bits");
            signature
        };
        match algorithm {
            Algorithm::RS256 => rsa(&RSA_PKCS1_SHA256),
            Algorithm::PS256 => rsa(&RSA_PSS_SHA256),
            _ => SigningKey::cached(algorithm).sign_raw(message),
        }
    }
}

/// The file with the tokens of a turn.
pub(crate) fn file(folder: &Path, kind: Kind, turn: usize) -> PathBuf {
    folder.join(format!("{kind:?}-{turn}.txt").replace(['(', ')'], "-"))
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
