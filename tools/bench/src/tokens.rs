//! The tokens and proofs of a run, in files with the headers of one request per line, separated by tabs.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::dpop::Client;
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
    /// Valid ES256 tokens, sent with the scheme Bearer.
    Bearer,
    /// The same tokens, bound to an ES256 key, each with a proof for one request.
    Bound,
    /// One of these tokens, and a new proof for each request.
    Proofs,
}

impl Kind {
    /// Whether tokens or proofs are made right before use, because they are valid only for a short time.
    pub(crate) fn is_short_lived(self) -> bool {
        matches!(self, Self::ShortLived | Self::Bound | Self::Proofs)
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::Good(algorithm) => algorithm,
            Self::Bearer | Self::Bound | Self::Proofs => Algorithm::ES256,
            Self::Missing | Self::Large | Self::BadSignature | Self::Expired | Self::ShortLived => Algorithm::RS256,
        }
    }
}

/// The keys of a run: one for each algorithm, with its name as `kid`, and that of a client.
pub(crate) struct Issuer {
    rsa: KeyPair,
    client: SigningKey,
    now: u64,
}

/// The URL of the requests.
const URL: &str = "https://api.example.com/orders/17";

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
        Self { rsa, client: SigningKey::generate(Algorithm::ES256), now: unix_now() }
    }

    /// The public keys for these algorithms, as a list of JWKs.
    pub(crate) fn jwks(algorithms: &[Algorithm]) -> Value {
        let jwk = |algorithm: &Algorithm| SigningKey::cached(*algorithm).public_jwk(Some(algorithm.name()), true);
        algorithms.iter().map(jwk).collect()
    }

    /// Writes the headers of `count` requests with different tokens or proofs. They also differ from those of another call
    /// if the ranges from `first` don't overlap.
    pub(crate) fn write(&self, path: &Path, kind: Kind, first: usize, count: usize) -> Result<(), String> {
        const THREADS: usize = 2;
        let share = count.div_ceil(THREADS);
        let chunks: Vec<Vec<String>> = thread::scope(|scope| {
            let chunk = |thread: usize| {
                let numbers = first + thread * share..first + count.min((thread + 1) * share);
                scope.spawn(move || numbers.map(|number| self.headers(kind, number)).collect())
            };
            let threads: Vec<_> = (0..THREADS).map(chunk).collect();
            threads.into_iter().map(|thread| thread.join().expect("signing does not panic")).collect()
        });
        let written = File::create(path).and_then(|file| {
            let mut file = BufWriter::new(file);
            for headers in chunks.iter().flatten() {
                writeln!(file, "{headers}")?;
            }
            file.flush()
        });
        written.map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The headers of the request with this number.
    fn headers(&self, kind: Kind, number: usize) -> String {
        match kind {
            Kind::Missing => String::new(),
            Kind::Bearer => format!("Authorization: Bearer {}", self.token(kind, number)),
            Kind::Bound | Kind::Proofs => {
                let token = self.token(kind, if kind == Kind::Bound { number } else { 0 });
                format!("Authorization: DPoP {token}\tDPoP: {}", self.proof(&token, number))
            }
            _ => format!("X-Token: {}", self.token(kind, number)),
        }
    }

    fn token(&self, kind: Kind, number: usize) -> String {
        let mut claims = json!({
            "iss": "https://issuer.example.com", "sub": format!("user-{number}"), "aud": "orders", "tenant": "acme",
            "scope": "read write", "jti": format!("{number:032x}"), "iat": self.now, "exp": self.now + LIFETIME,
        });
        match kind {
            Kind::Large => {
                let more = (0..42).map(|index| (format!("claim-number-{index}"), Value::from("x".repeat(34))));
                claims.as_object_mut().map(|claims| claims.extend(more.collect::<Map<_, _>>())).unwrap_or_default();
            }
            Kind::Expired => claims["exp"] = (self.now - 60).into(),
            Kind::ShortLived => claims["exp"] = (unix_now() + SHORT_LIFETIME).into(),
            Kind::Bound | Kind::Proofs => claims["cnf"] = json!({"jkt": self.client().thumbprint()}),
            Kind::Missing | Kind::Good(_) | Kind::BadSignature | Kind::Bearer => {}
        }
        let algorithm = kind.algorithm();
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

    /// The client that the tokens are bound to.
    fn client(&self) -> Client {
        Client::new(self.client.clone(), unix_now())
    }

    /// A proof for the request with this number.
    fn proof(&self, token: &str, number: usize) -> String {
        self.client().proof(token).claim("htu", URL).claim("jti", format!("{number:032x}")).sign()
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
