//! `resourceServer`: the filter as an OAuth 2.0 resource server, which tells clients where to get a token and why theirs
//! is not accepted.

mod access_token;
mod challenge;
mod metadata;
mod scopes;

use crate::claims::Claims;
use crate::document::{Faults, Field, Section};
use crate::rejection::{Invalid, OAuth, Rejection};
use crate::token::Token;
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
        section.finish(faults);
        let metadata = match metadata {
            Some(metadata) => Some(metadata?),
            None => None,
        };
        Some(Self {
            realm: realm?,
            metadata,
            scopes: scopes.unwrap_or_else(|| Some(RequiredScopes::default()))?,
            demands_access_token: demands_access_token.unwrap_or(Some(false))?,
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

    /// Checks the claims of a token that only a resource server looks at.
    ///
    /// # Errors
    /// - A403JT when `tokenType` requires a claim that is missing, when the token is bound to a key that the client has
    ///   not proved, or when its scopes are malformed.
    /// - A403JS when it lacks a scope.
    pub(crate) fn check_claims(&self, claims: &Claims) -> Result<(), Rejection> {
        if self.demands_access_token {
            access_token::check(claims)?;
        }
        if claims.find("cnf").is_some() {
            return Err(Invalid::BoundToken.into());
        }
        self.scopes.check(claims)
    }

    /// Whether `tokenType` is configured.
    pub(crate) fn demands_access_token(&self) -> bool {
        self.demands_access_token
    }

    /// `metadata`.
    pub(crate) fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }

    /// The values of `WWW-Authenticate` for an answer.
    pub(crate) fn challenges(&self, answer: OAuth) -> Vec<String> {
        let resource_metadata = self.metadata.as_ref().map(Metadata::url);
        let scope = self.scopes.for_challenge();
        challenge::bearer(&self.realm, resource_metadata, scope, answer.challenge).into_iter().collect()
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
