//! `claimParameters`: forwards claims to the backend, and removes from the request what a backend could read as one of
//! them.

mod claim_parameter;
mod edits;
mod encoding;
mod form;
mod form_limit;
mod header;
mod path;
mod preflight;
mod query;

pub use edits::{Admission, Edits, HeaderEdit};
pub use form::FormEdit;
pub(crate) use form_limit::FormLimit;

use std::rc::Rc;

use crate::claims::Claims;
use crate::document::{Faults, Field};
use crate::rejection::{Invalid, Rejection};
use crate::request::{ParameterNames, Request, TokenLocation, TokenSource};
use claim_parameter::{ClaimLocation, ClaimParameter};

/// The most entries of `claimParameters`. A backend needs about ten.
///
/// Each entry takes time for each request, and is compared with all others when the configuration is read.
const MAX_TARGETS: usize = 256;

/// Which claims are forwarded, and where in the request they are inserted.
#[derive(Debug)]
pub(crate) struct Mapping {
    targets: Vec<ClaimParameter>,
    header_names: header::OwnedHeaders,
    backend_path: Option<path::Template>,
    hidden_token: Option<TokenSource>,
    /// Whether a request without a token is forwarded.
    bypasses_empty_token: bool,
    /// Whether a CORS preflight without a token is forwarded.
    allows_preflight: bool,
    form_limit: FormLimit,
    /// The query parameters that only the filter may set.
    query_names: ParameterNames,
    /// The same, and the one of the hidden token.
    query_and_token_names: ParameterNames,
    form_names: Rc<ParameterNames>,
}

/// The values for the targets of a mapping, in the same order. Each is encoded for its location, or `None` if the claim
/// is missing.
pub(crate) type Values = Vec<Option<Rc<[u8]>>>;

/// The targets of one location and their values.
type Assignments<'v> = Vec<(&'v str, Option<&'v [u8]>)>;

impl Mapping {
    /// Reads `claimParameters` and `backendPath`. `None` after an error.
    ///
    /// Configuration errors: an invalid name or location; two claims with the same target; a claim with
    /// `location: path` but no placeholder for it, or a placeholder without a claim.
    pub(crate) fn parse(field: Option<Field>, backend_path: Option<Field>, faults: &mut Faults) -> Option<Self> {
        let fields = match &field {
            Some(field) => field.list_of_at_most(MAX_TARGETS, faults)?,
            None => Vec::new(),
        };
        let mut targets: Vec<ClaimParameter> = Vec::with_capacity(fields.len());
        let before = faults.count();
        for field in &fields {
            match ClaimParameter::parse(field, faults) {
                Some(target) if targets.iter().any(|other| other.has_same_target(&target)) => {
                    faults
                        .report(format!("{}.parameterName", field.path()), "expected a target that no other claim has");
                }
                Some(target) => targets.push(target),
                None => {}
            }
        }
        if faults.count() > before {
            return None;
        }
        let backend_path = parse_backend_path(backend_path, &targets, faults)?;
        let in_header = targets.iter().filter(|target| target.location == ClaimLocation::Header);
        let header_names = header::OwnedHeaders::new(in_header.map(|target| &target.parameter));
        let query_names = ParameterNames::new(names_of(&targets, ClaimLocation::Query));
        let form_names = Rc::new(ParameterNames::new(names_of(&targets, ClaimLocation::FormData)));
        Some(Self {
            targets,
            header_names,
            backend_path,
            hidden_token: None,
            bypasses_empty_token: false,
            allows_preflight: false,
            form_limit: FormLimit::NONE,
            query_and_token_names: query_names.clone(),
            query_names,
            form_names,
        })
    }

    /// The same mapping, which also removes the accepted token from the request. `None` leaves the token there.
    pub(crate) fn hiding_token(self, token: Option<TokenSource>) -> Self {
        let in_query = token.as_ref().filter(|token| token.locations.contains(&TokenLocation::Query));
        let names = names_of(&self.targets, ClaimLocation::Query).chain(in_query.map(|token| token.parameter.as_str()));
        Self { query_and_token_names: ParameterNames::new(names), hidden_token: token, ..self }
    }

    /// The same mapping, which forwards or rejects requests without a token.
    pub(crate) fn bypassing_empty_token(self, bypasses_empty_token: bool) -> Self {
        Self { bypasses_empty_token, ..self }
    }

    /// The same mapping, which forwards CORS preflights without a token, or treats them like other requests.
    pub(crate) fn allowing_cors_preflight(self, allows_preflight: bool) -> Self {
        Self { allows_preflight, ..self }
    }

    /// The same mapping, which rejects forms of more than `max_bytes`.
    pub(crate) fn limiting_forms(self, max_bytes: u32) -> Self {
        Self { form_limit: FormLimit::new(max_bytes), ..self }
    }

    /// The size limit of a form.
    pub(crate) fn form_limit(&self) -> FormLimit {
        self.form_limit
    }

    /// The values of the claims, encoded for their locations.
    ///
    /// # Errors
    ///
    /// A403JT if a claim can't be encoded for its location, is too long, or is missing and part of the path.
    pub(crate) fn values(&self, claims: &Claims) -> Result<Values, Invalid> {
        self.targets.iter().map(|target| target.value(Some(claims))).collect()
    }

    /// The edits that insert the values into a request, and remove what the client sent in their place.
    ///
    /// # Errors
    ///
    /// A403JT if the path of the request can't be used in `backendPath`; I415FD for a form that can't be read; I413FD
    /// if `content-length` exceeds `maxFormBytes`.
    pub(crate) fn edits(&self, request: Request, values: &[Option<Rc<[u8]>>]) -> Result<Edits, Rejection> {
        self.plan(request, values, self.hidden_token.as_ref())
    }

    /// Whether only the filter may set the header `name`, in any spelling that a backend could read as that name.
    pub(crate) fn owns_header(&self, name: &str) -> bool {
        self.header_names.position(name).is_some()
    }

    /// The edits for a request without a token, if the configuration forwards it. They remove what a backend could read
    /// as a forwarded claim.
    ///
    /// # Errors
    ///
    /// I400JR if a token is required; A403JT if `backendPath` needs a claim; I415FD and I413FD as in [`Self::edits`].
    pub(crate) fn without_token(&self, request: Request) -> Result<Edits, Rejection> {
        let is_preflight = self.allows_preflight && preflight::is_preflight(request);
        if !self.bypasses_empty_token && !is_preflight {
            return Err(Rejection::TokenMissing);
        }
        let values: Values = self.targets.iter().map(|target| target.value(None)).collect::<Result<_, _>>()?;
        let mut edits = Edits { admission: Admission::WithoutToken, ..self.plan(request, &values, None)? };
        if is_preflight {
            edits.headers.extend(preflight::without_method_override(request));
        }
        Ok(edits)
    }

    fn plan(
        &self,
        request: Request,
        values: &[Option<Rc<[u8]>>],
        hidden_token: Option<&TokenSource>,
    ) -> Result<Edits, Rejection> {
        let assignments = |location| {
            let targets = self.targets.iter().zip(values).filter(move |(target, _)| target.location == location);
            targets.map(|(target, value)| (&target.parameter, value.as_ref()))
        };
        let in_location = |location| -> Assignments {
            assignments(location).map(|(name, value)| (name.as_ref(), value.map(Rc::as_ref))).collect()
        };
        Ok(Edits {
            admission: Admission::Authenticated,
            headers: header::edits(request, &self.header_names, assignments(ClaimLocation::Header), hidden_token),
            path: self.edited_path(
                request,
                &in_location(ClaimLocation::Path),
                &in_location(ClaimLocation::Query),
                hidden_token,
            )?,
            form: self.form_edit(request, &in_location(ClaimLocation::FormData))?,
        })
    }

    /// The new `:path`, if it differs from the one received.
    fn edited_path(
        &self,
        request: Request,
        segments: &Assignments,
        parameters: &Assignments,
        hidden_token: Option<&TokenSource>,
    ) -> Result<Option<Vec<u8>>, Invalid> {
        let hides_parameter = hidden_token.is_some_and(|token| token.locations.contains(&TokenLocation::Query));
        if self.backend_path.is_none() && parameters.is_empty() && !hides_parameter {
            return Ok(None);
        }
        let Some(received) = request.target() else {
            // CONNECT has no path, so a claim can't be part of it.
            let needs_path = self.backend_path.is_some();
            return if needs_path { Err(Invalid::RequestPath { problem: "is missing" }) } else { Ok(None) };
        };
        let path = match &self.backend_path {
            Some(template) => template
                .fill(received.path, |name| segments.iter().find(|(other, _)| *other == name).and_then(|found| found.1))
                .map_err(|problem| Invalid::RequestPath { problem })?,
            None => received.path.to_vec(),
        };
        let owned = if hides_parameter { &self.query_and_token_names } else { &self.query_names };
        let query = query::edited(received.query, owned, parameters);
        let is_same = path == received.path && query.as_deref() == received.query;
        let edited = match query {
            Some(query) => [path, query].join(&b'?'),
            None => path,
        };
        Ok((!is_same).then_some(edited))
    }

    /// How to edit the body, if it is a form.
    ///
    /// # Errors
    ///
    /// I415FD if the body can't be read and so could contain a forged parameter; I413FD if `content-length` exceeds the
    /// limit.
    fn form_edit(&self, request: Request, targets: &Assignments) -> Result<Option<FormEdit>, Rejection> {
        if targets.is_empty() {
            return Ok(None);
        }
        match form::Body::of(request) {
            form::Body::NoForm => Ok(None),
            form::Body::Form => {
                self.form_limit.check_head(request)?;
                Ok(Some(FormEdit::new(&self.form_names, targets)))
            }
            form::Body::Opaque => Err(Rejection::OpaqueForm),
        }
    }
}

/// Reads `backendPath`, which is required if a claim has `location: path`, and otherwise an error.
fn parse_backend_path(
    field: Option<Field>,
    targets: &[ClaimParameter],
    faults: &mut Faults,
) -> Option<Option<path::Template>> {
    let in_path = targets.iter().filter(|target| target.location == ClaimLocation::Path);
    let names: Vec<&str> = in_path.map(|target| target.parameter.as_ref()).collect();
    match (field, names.is_empty()) {
        (None, true) => Some(None),
        (None, false) => {
            faults.report("backendPath", "required for a claim with location: path");
            None
        }
        (Some(field), true) => {
            faults.report(field.path(), "expected a claim with location: path beside it");
            None
        }
        (Some(field), false) => match path::Template::parse(field.string(faults)?, &names) {
            Ok(template) => Some(Some(template)),
            Err(expected) => {
                faults.report(field.path(), expected);
                None
            }
        },
    }
}

/// The names of the targets in one location.
fn names_of(targets: &[ClaimParameter], location: ClaimLocation) -> impl Iterator<Item = &str> {
    targets.iter().filter(move |target| target.location == location).map(|target| target.parameter.as_ref())
}

#[cfg(test)]
mod tests;
