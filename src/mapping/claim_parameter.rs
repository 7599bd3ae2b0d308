//! One entry of `claimParameters`: a claim and its target.

use std::borrow::Cow;
use std::rc::Rc;

use super::{header, path, query};
use crate::claims::Claims;
use crate::document::{Faults, Field};
use crate::json::Value;
use crate::rejection::Invalid;
use crate::request::MAX_NAME_BYTES;
use crate::text::Excerpt;

/// The longest value of a claim in bytes, after encoding.
///
/// [RFC 9112 §3](https://www.rfc-editor.org/rfc/rfc9112#section-3) recommends that servers accept request lines of 8000
/// bytes; few accept longer header lines.
pub(super) const MAX_VALUE_BYTES: usize = 8000;

/// How many bytes of a claim's name a message contains.
pub(super) const CLAIM_EXCERPT_BYTES: usize = 64;

/// A claim, and the header, parameter or path segment that it is forwarded as, its target.
///
/// Only the filter sets the target. What the client sent there is removed, even if the token does not have the claim.
#[derive(Debug)]
pub(super) struct ClaimParameter {
    claim: String,
    pub(super) parameter: Rc<str>,
    pub(super) location: ClaimLocation,
    format: Format,
}

/// `format`: how a claim is written before it is encoded for its location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// A string without quotes; an array as its joined elements.
    Text,
    /// As compact JSON.
    Json,
}

/// `location`: the part of the request that the claim is inserted into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClaimLocation {
    Header,
    Query,
    Path,
    FormData,
}

impl ClaimParameter {
    /// Reads one entry of `claimParameters`. `None` after an error.
    ///
    /// Configuration errors: a missing, unknown or invalid field; a `parameterName` that is not allowed for its
    /// location.
    pub(super) fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        let mut section = field.section(faults)?;
        let claim = section.required("claimName", faults).and_then(|field| field.name(faults));
        let parameter_field = section.required("parameterName", faults);
        let parameter = parameter_field.as_ref().and_then(|field| field.name_of_at_most(MAX_NAME_BYTES, faults));
        let location = section.required("location", faults).and_then(|field| match field.string(faults)? {
            "header" => Some(ClaimLocation::Header),
            "query" => Some(ClaimLocation::Query),
            "path" => Some(ClaimLocation::Path),
            "formData" => Some(ClaimLocation::FormData),
            _ => {
                faults.report(field.path(), "expected header, query, path or formData");
                None
            }
        });
        let format = match section.optional("format").map(|field| (field.string(faults), field)) {
            None => Some(Format::Text),
            Some((Some("text"), _)) => Some(Format::Text),
            Some((Some("json"), _)) => Some(Format::Json),
            Some((Some(_), field)) => {
                faults.report(field.path(), "expected text or json");
                None
            }
            Some((None, _)) => None,
        };
        section.finish(faults);
        let (claim, parameter, location, format) = (claim?, parameter?, location?, format?);
        if location == ClaimLocation::Header
            && let Err(problem) = header::check_name(&parameter)
        {
            faults.report(parameter_field?.path(), problem);
            return None;
        }
        Some(Self { claim, parameter: parameter.into(), location, format })
    }

    /// Whether both have the same target for a backend.
    pub(super) fn has_same_target(&self, other: &Self) -> bool {
        self.location == other.location
            && match self.location {
                ClaimLocation::Header => header::is_same_name(&self.parameter, &other.parameter),
                ClaimLocation::Query | ClaimLocation::Path | ClaimLocation::FormData => {
                    self.parameter == other.parameter
                }
            }
    }

    /// The value for the target, encoded for its location. `None` if the claim is missing, or if there are no claims
    /// because the request has no token.
    ///
    /// # Errors
    ///
    /// A403JT if the claim can't be encoded for its location, is too long, or is missing and part of the path.
    pub(super) fn value(&self, claims: Option<&Claims>) -> Result<Option<Rc<[u8]>>, Invalid> {
        let claim = claims.and_then(|claims| claims.find(&self.claim));
        self.encoded(claim).map_err(|problem| Invalid::Claim {
            name: Excerpt::new(self.claim.as_bytes(), CLAIM_EXCERPT_BYTES),
            problem,
        })
    }

    /// The error is what is wrong with the claim, as the end of a sentence.
    fn encoded(&self, claim: Option<&Value>) -> Result<Option<Rc<[u8]>>, &'static str> {
        let Some(claim) = claim else {
            return if self.location == ClaimLocation::Path {
                Err("is missing, and backendPath needs it")
            } else {
                Ok(None)
            };
        };
        let text = match self.format {
            Format::Text => claim.to_text()?,
            Format::Json => Cow::Owned(claim.to_json()),
        };
        let value = match self.location {
            ClaimLocation::Path => path::encode(&text)?,
            ClaimLocation::Header => header::encode(&text)?,
            ClaimLocation::Query | ClaimLocation::FormData => query::encode(&text),
        };
        if value.len() > MAX_VALUE_BYTES { Err("is too long for its target") } else { Ok(Some(value.into())) }
    }
}
