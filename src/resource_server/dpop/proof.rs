//! A proof that the client has a private key ([RFC 9449 §4](https://www.rfc-editor.org/rfc/rfc9449#section-4)).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::target::is_target;
use crate::claims::Claims;
use crate::json::{Object, Value};
use crate::key::{Algorithm, ProofKey};
use crate::numeric_date::NumericDate;
use crate::rejection::{Invalid, ProofError, Rejection};
use crate::request::Request;
use crate::signature::{self, HostSignatures, Verified};
use crate::token::{LastHeader, MAX_HEADER_DEPTH, Token, decode_base64url};
use crate::url::Authority;

/// The longest proof, in bytes. One with an RSA key of 4096 bits has about 2 KiB.
const MAX_PROOF_BYTES: usize = 8 * 1024;

/// The longest `jti`, in bytes.
const MAX_JTI_BYTES: usize = 1024;

/// How far the clock of a client may be ahead, in seconds.
const MAX_AHEAD_SECONDS: f64 = 5.0;

/// What the configuration says about proofs.
#[derive(Debug)]
pub(crate) struct ProofRules {
    /// `maxAgeSeconds`.
    pub(super) max_age: f64,
    /// `algorithms`.
    pub(super) algorithms: Vec<Algorithm>,
    /// `origins`: where clients send their requests, which is the beginning of `htu`.
    pub(super) origins: Vec<Authority>,
}

/// A proof that passed every check of [RFC 9449 §4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3) but the last:
/// that the access token is bound to its key, and that it was not used before. Only `ProofRules::verify` makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// The thumbprint of its key.
    thumbprint: String,
    target: String,
    id: String,
    issued_at: NumericDate,
}

impl Proof {
    /// The thumbprint of its key ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)).
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// What makes it the same proof if it comes again: its key, its `htu` and its `jti`.
    pub fn identity(&self) -> String {
        // Neither part has a line feed: the first is base64url, the second a URL.
        format!("{}\n{}\n{}", self.thumbprint, self.target, self.id)
    }

    /// `iat`.
    pub fn issued_at(&self) -> NumericDate {
        self.issued_at
    }
}

impl ProofRules {
    /// Verifies the proof of a request in the order of
    /// [RFC 9449 §4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3). `token` is the access token of the request; `None`
    /// for a request that has none, because it asks for one.
    ///
    /// # Errors
    /// Why there is no valid proof.
    pub(crate) fn verify(
        &self,
        request: Request,
        token: Option<&[u8]>,
        now: NumericDate,
        host: Option<&dyn HostSignatures>,
    ) -> Result<Proof, ProofError> {
        // 1: one header
        let raw = only_header(request)?;
        // 2: one JWT
        let parts = Token::decode(raw, &LastHeader::default()).map_err(|_| ProofError::Malformed)?;
        let (key, verified) = verify_signature(raw, &parts, &self.algorithms, host)?;
        let claims = Claims::read(&verified).map_err(|rejection| match rejection {
            Rejection::Invalid(Invalid::NotNumericDate { claim: "iat" }) => ProofError::Claim("iat"),
            _ => ProofError::Malformed,
        })?;
        self.check(&claims, &key, request, token, now)
    }

    /// Checks the claims of a proof with this key.
    fn check(
        &self,
        claims: &Claims,
        key: &ProofKey,
        request: Request,
        token: Option<&[u8]>,
        now: NumericDate,
    ) -> Result<Proof, ProofError> {
        let text = |name| claims.member(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let id = text("jti").filter(|id| id.len() <= MAX_JTI_BYTES).ok_or(ProofError::Claim("jti"))?;
        let method = text("htm").ok_or(ProofError::Claim("htm"))?;
        let target = text("htu").ok_or(ProofError::Claim("htu"))?;
        let issued_at = claims.times().issued_at().ok_or(ProofError::Claim("iat"))?;
        let hash = text("ath");
        if token.is_some() && hash.is_none() {
            return Err(ProofError::Claim("ath"));
        }
        // 8: the method, 9: the target
        if !request.values(":method").eq([method.as_bytes()]) {
            return Err(ProofError::Claim("htm"));
        }
        let path = request.target().and_then(|target| std::str::from_utf8(target.path).ok());
        if !path.is_some_and(|path| is_target(target, &self.origins, path)) {
            return Err(ProofError::Claim("htu"));
        }
        // 11: the time
        if issued_at < now.minus(self.max_age) || issued_at > now.plus(MAX_AHEAD_SECONDS) {
            return Err(ProofError::Claim("iat"));
        }
        // 12: the access token
        if token.is_some_and(|token| hash != Some(&URL_SAFE_NO_PAD.encode(Sha256::digest(token)))) {
            return Err(ProofError::Claim("ath"));
        }
        Ok(Proof { thumbprint: key.thumbprint().to_owned(), target: target.to_owned(), id: id.to_owned(), issued_at })
    }
}

/// Verifies the signature of the proof `raw`, which is decoded in `parts`, with the key in its header.
fn verify_signature<'t>(
    raw: &[u8],
    parts: &'t Token,
    algorithms: &[Algorithm],
    host: Option<&dyn HostSignatures>,
) -> Result<(ProofKey, Verified<'t>), ProofError> {
    let header = raw.split(|&byte| byte == b'.').next().and_then(decode_base64url).ok_or(ProofError::Malformed)?;
    let header = Object::parse(&header, MAX_HEADER_DEPTH).ok_or(ProofError::Malformed)?;
    // 4: `typ`, 5: `alg`, 7: the key is public. The claims (3) are read after the signature (6).
    let media_type = header.get("typ").and_then(Value::as_str);
    if media_type.is_none_or(|media_type| !media_type.eq_ignore_ascii_case("dpop+jwt")) {
        return Err(ProofError::Type);
    }
    let algorithm = parts.algorithm().map_err(|_| ProofError::Algorithm)?;
    let Some(Value::Object(jwk)) = header.get("jwk") else { return Err(ProofError::Key) };
    let key = ProofKey::read(jwk).ok_or(ProofError::Key)?;
    let candidate = key.candidate(algorithm, algorithms).ok_or(ProofError::Algorithm)?;
    let (verified, _) = signature::verify(parts, [&candidate].into_iter(), host).map_err(|_| ProofError::Signature)?;
    Ok((key, verified))
}

/// Verifies only the signature of a proof, with the key in its header. `algorithms` are those that are accepted. Returns
/// the thumbprint of the key.
pub(super) fn signer(raw: &[u8], algorithms: &[Algorithm]) -> Result<String, ProofError> {
    if raw.len() > MAX_PROOF_BYTES {
        return Err(ProofError::Malformed);
    }
    let parts = Token::decode(raw, &LastHeader::default()).map_err(|_| ProofError::Malformed)?;
    let (key, _) = verify_signature(raw, &parts, algorithms, None)?;
    Ok(key.thumbprint().to_owned())
}

/// The value of the one header `DPoP`.
fn only_header(request: Request<'_>) -> Result<&[u8], ProofError> {
    let mut values = request.values("dpop");
    let value = values.next().ok_or(ProofError::Missing)?.trim_ascii();
    // Some hosts join repeated headers.
    if values.next().is_some() || value.contains(&b',') {
        return Err(ProofError::Several);
    }
    if value.is_empty() {
        return Err(ProofError::Missing);
    }
    if value.len() > MAX_PROOF_BYTES { Err(ProofError::Malformed) } else { Ok(value) }
}
