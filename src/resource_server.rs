//! `resourceServer`: the filter as an OAuth 2.0 resource server, which tells clients where to get a token and why theirs
//! is not accepted.

mod access_token;
mod challenge;
mod dpop;
mod metadata;
mod scopes;

use std::rc::Rc;

use crate::claims::Claims;
use crate::document::{Faults, Field, Section};
use crate::json::Value;
use crate::numeric_date::NumericDate;
use crate::rejection::{Challenge, Invalid, OAuth, ProofError, Rejection};
use crate::request::Request;
use crate::signature::HostSignatures;
use crate::token::Token;
use challenge::Common;
use dpop::Dpop;
pub use dpop::verifier::ProofVerifier;
pub use dpop::{DEFAULT_PROOF_ALGORITHMS, Proof};
pub(crate) use metadata::Metadata;
use scopes::RequiredScopes;

/// The longest `realm`, in bytes. It is in every challenge.
const MAX_REALM_BYTES: usize = 256;

/// `resourceServer`.
#[derive(Debug)]
pub(crate) struct ResourceServer {
    realm: String,
    metadata: Option<Metadata>,
    /// `requiredScopes`.
    scopes: RequiredScopes,
    /// `tokenType: at+jwt`: only access tokens by [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068) are accepted.
    demands_access_token: bool,
    dpop: Option<Dpop>,
}

impl ResourceServer {
    /// Reads `resourceServer`. `None` after an error.
    ///
    /// Configuration errors: a missing or unknown field, a realm or scope with characters that a challenge can't have,
    /// an unknown `tokenType`, and those of [`Metadata::parse`].
    pub(crate) fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        let mut section = field.section(faults)?;
        let metadata = section.optional("metadata").map(|field| Metadata::parse(&field, faults));
        let realm = realm(&mut section, metadata.as_ref().and_then(Option::as_ref), faults);
        let scopes = section.optional("requiredScopes").map(|field| RequiredScopes::parse(&field, faults));
        let demands_access_token = section.optional("tokenType").map(|field| is_access_token(&field, faults));
        let resource = metadata.as_ref().and_then(Option::as_ref).map(Metadata::authority);
        let dpop = section.optional("dpop").map(|field| Dpop::parse(&field, resource, faults));
        section.finish(faults);
        let dpop = match dpop {
            Some(dpop) => Some(dpop?),
            None => None,
        };
        let mut metadata = match metadata {
            Some(metadata) => Some(metadata?),
            None => None,
        };
        if let (Some(metadata), Some(dpop)) = (&mut metadata, &dpop) {
            metadata.announce_dpop(&dpop.algorithm_names(), dpop.is_required);
        }
        Some(Self {
            realm: realm?,
            metadata,
            scopes: scopes.unwrap_or_else(|| Some(RequiredScopes::default()))?,
            demands_access_token: demands_access_token.unwrap_or(Some(false))?,
            dpop,
        })
    }

    /// Checks the header of a token, before its key is chosen.
    ///
    /// # Errors
    /// A403JT when `tokenType` demands another `typ`.
    pub(crate) fn check_header(&self, token: &Token) -> Result<(), Invalid> {
        if self.demands_access_token && !token.is_access_token() {
            return Err(Invalid::TokenType);
        }
        Ok(())
    }

    /// Checks the claims of a token that only a resource server looks at. Returns the thumbprint of the key that the token
    /// is bound to, if it is.
    ///
    /// # Errors
    /// - A403JT when `tokenType` requires a claim that is missing, when it is bound to something that is not supported, or when its scopes are malformed.
    /// - A403JS when it lacks a scope.
    pub(crate) fn check_claims(&self, claims: &Claims) -> Result<Option<Rc<str>>, Rejection> {
        if self.demands_access_token {
            access_token::check(claims)?;
        }
        let binding = binding(claims)?;
        self.scopes.check(claims)?;
        Ok(binding)
    }

    /// Checks that the client may use the token `raw`, which is bound to the key with the thumbprint `binding`.
    /// `has_dpop_scheme` is whether it was sent with the scheme `DPoP`. Returns the proof, if there must be one.
    ///
    /// # Errors
    /// - A403JT when the token is bound and was sent without a proof, or is bound to another key or to none.
    /// - A403DP when the proof is missing or not valid.
    pub(crate) fn check_possession(
        &self,
        request: Request,
        has_dpop_scheme: bool,
        (raw, binding): (&[u8], Option<&str>),
        now: NumericDate,
        host: Option<&dyn HostSignatures>,
    ) -> Result<Option<Proof>, Rejection> {
        match (&self.dpop, binding) {
            (Some(dpop), binding) if has_dpop_scheme => {
                let proof = dpop.rules.verify(request, Some(raw), now, host)?;
                if binding != Some(proof.thumbprint()) {
                    return Err(Invalid::OtherKey.into());
                }
                Ok(Some(proof))
            }
            (_, Some(_)) => Err(Invalid::BoundToken.into()),
            (Some(dpop), None) if dpop.is_required => Err(ProofError::Missing.into()),
            (_, None) => Ok(None),
        }
    }

    /// Whether `dpop` is configured.
    pub(crate) fn accepts_dpop(&self) -> bool {
        self.dpop.is_some()
    }

    /// Whether `tokenType` is configured.
    pub(crate) fn demands_access_token(&self) -> bool {
        self.demands_access_token
    }

    /// `metadata`.
    pub(crate) fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }

    /// The values of `WWW-Authenticate` for an answer. `has_dpop_scheme` is whether the client sent a token with the scheme
    /// `DPoP`; the error stands in the challenge of the scheme that the client used.
    pub(crate) fn challenges(&self, answer: OAuth, has_dpop_scheme: bool) -> Vec<String> {
        if answer.challenge == Challenge::None {
            return Vec::new();
        }
        let common = Common {
            realm: &self.realm,
            resource_metadata: self.metadata.as_ref().map(Metadata::url),
            scope: self.scopes.for_challenge(),
        };
        let is_about_proof = matches!(answer.challenge, Challenge::Error("invalid_dpop_proof", _));
        let bearer = |challenge| common.challenge("Bearer", None, challenge);
        let Some(dpop) = &self.dpop else { return vec![bearer(answer.challenge)] };
        let names = dpop.algorithm_names().join(" ");
        let of_dpop = |challenge| common.challenge("DPoP", Some(&names), challenge);
        if dpop.is_required {
            return vec![of_dpop(answer.challenge)];
        }
        if has_dpop_scheme || is_about_proof {
            vec![of_dpop(answer.challenge), bearer(Challenge::WithoutError)]
        } else {
            vec![bearer(answer.challenge), of_dpop(Challenge::WithoutError)]
        }
    }
}

/// The thumbprint in `cnf` ([RFC 9449 §6.1](https://www.rfc-editor.org/rfc/rfc9449#section-6.1)). `None` for a token that is
/// not bound.
///
/// # Errors
/// A403JT when it is bound to something else, which this filter can't check.
fn binding(claims: &Claims) -> Result<Option<Rc<str>>, Invalid> {
    match claims.find("cnf") {
        None => Ok(None),
        Some(Value::Object(cnf)) if cnf.len() == 1 => {
            let thumbprint = cnf.get("jkt").and_then(Value::as_str).ok_or(Invalid::BoundToken)?;
            Ok(Some(thumbprint.into()))
        }
        Some(_) => Err(Invalid::BoundToken),
    }
}

fn realm(section: &mut Section, metadata: Option<&Metadata>, faults: &mut Faults) -> Option<String> {
    let Some(field) = section.optional("realm") else {
        if metadata.is_none() {
            faults.report(section.path_of("realm"), "required without metadata");
        }
        return metadata.map(|metadata| metadata.host().to_owned());
    };
    let realm = field.name_of_at_most(MAX_REALM_BYTES, faults)?;
    let is_visible = realm.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    if !is_visible {
        faults.report(field.path(), "expected visible ASCII characters and spaces");
    }
    is_visible.then_some(realm)
}

/// Reads `tokenType`.
fn is_access_token(field: &Field, faults: &mut Faults) -> Option<bool> {
    let is_known = field.string(faults)? == "at+jwt";
    if !is_known {
        faults.report(field.path(), "expected at+jwt");
    }
    is_known.then_some(true)
}
