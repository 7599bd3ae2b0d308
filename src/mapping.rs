//! `claimParameters`: claims handed to the backend, and everything in the request that could be taken for one removed.

mod header;
mod query;

use crate::claims::Claims;
use crate::config::{Faults, Field};
use crate::edits::Edits;
use crate::rejection::{Invalid, Rejection};
use crate::request::{Request, TokenSource};
use crate::text::Excerpt;

/// The longest text of a claim that goes to a backend, in bytes as sent. RFC 9112 §3 asks servers to take a request line
/// of 8000 bytes, and few take longer header lines.
const MAX_VALUE_BYTES: usize = 8000;

/// How much of a claim's name goes into a message.
const CLAIM_EXCERPT_BYTES: usize = 64;

/// Where the claims of a token go in a request.
#[derive(Debug)]
pub(crate) struct Mapping {
    targets: Vec<Target>,
    hidden_token: Option<TokenSource>,
}

/// One claim and the parameter of the backend that it becomes. The filter owns the target: what the client sent there is
/// removed, whether the claim is there or not.
#[derive(Debug)]
struct Target {
    claim: String,
    parameter: String,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Header,
    Query,
}

/// The values that one token gives to the targets, ready to be sent.
pub(crate) struct Plan<'m> {
    mapping: &'m Mapping,
    /// One for each target, `None` where the claim is missing.
    values: Vec<Option<Vec<u8>>>,
}

impl Mapping {
    /// Reads `claimParameters`. Faults: a name or place that can't be a target, and two claims for one target.
    pub(crate) fn parse(field: Option<Field>, faults: &mut Faults) -> Option<Self> {
        let fields = match &field {
            Some(field) => field.list(faults)?,
            None => Vec::new(),
        };
        let mut targets: Vec<Target> = Vec::with_capacity(fields.len());
        let mut complete = true;
        for field in &fields {
            match Target::parse(field, faults) {
                Some(target) if targets.iter().any(|other| other.is_same_place(&target)) => {
                    faults
                        .report(format!("{}.parameterName", field.path()), "expected a target that no other claim has");
                }
                Some(target) => targets.push(target),
                None => complete = false,
            }
        }
        complete.then_some(Self { targets, hidden_token: None })
    }

    /// The same mapping, which also takes the accepted token out of the request if a place for it is given.
    pub(crate) fn hiding_token(self, token: Option<TokenSource>) -> Self {
        Self { hidden_token: token, ..self }
    }

    /// Turns the claims into values. A403JT for a text that its target can't carry.
    pub(crate) fn plan(&self, claims: &Claims) -> Result<Plan<'_>, Rejection> {
        let values = self.targets.iter().map(|target| target.value(claims)).collect::<Result<_, _>>()?;
        Ok(Plan { mapping: self, values })
    }

    /// The edits for a request without a token: every target removed, nothing set.
    pub(crate) fn scrub(&self, request: Request) -> Edits {
        self.edits(request, &vec![None; self.targets.len()], None)
    }

    fn edits(&self, request: Request, values: &[Option<Vec<u8>>], hidden_token: Option<&TokenSource>) -> Edits {
        let of_place = |place| {
            self.targets
                .iter()
                .zip(values)
                .filter(move |(target, _)| target.place == place)
                .map(|(target, value)| (target.parameter.as_str(), value.as_deref()))
                .collect::<Vec<_>>()
        };
        Edits {
            headers: header::edits(request, &of_place(Place::Header), hidden_token),
            path: query::edited_target(request, &of_place(Place::Query), hidden_token),
        }
    }
}

impl Plan<'_> {
    /// The edits that put the values into a request and take the client's own out.
    pub(crate) fn edits(&self, request: Request) -> Edits {
        self.mapping.edits(request, &self.values, self.mapping.hidden_token.as_ref())
    }
}

impl Target {
    fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        let mut section = field.section(faults)?;
        let claim = section.required("claimName", faults).and_then(|field| field.name(faults));
        let parameter_field = section.required("parameterName", faults);
        let parameter = parameter_field.as_ref().and_then(|field| field.name(faults));
        let place = section.required("location", faults).and_then(|field| match field.string(faults)? {
            "header" => Some(Place::Header),
            "query" => Some(Place::Query),
            _ => {
                faults.report(field.path(), "expected header or query");
                None
            }
        });
        section.finish(faults);
        let (claim, parameter, place) = (claim?, parameter?, place?);
        if place == Place::Header
            && let Err(problem) = header::check_name(&parameter)
        {
            faults.report(parameter_field?.path(), problem);
            return None;
        }
        Some(Self { claim, parameter, place })
    }

    fn is_same_place(&self, other: &Self) -> bool {
        self.place == other.place
            && match self.place {
                Place::Header => header::is_same_name(&self.parameter, &other.parameter),
                Place::Query => self.parameter == other.parameter,
            }
    }

    fn value(&self, claims: &Claims) -> Result<Option<Vec<u8>>, Invalid> {
        let Some(claim) = claims.find(&self.claim) else {
            return Ok(None);
        };
        let text = claim.to_text();
        let value = match self.place {
            Place::Header => header::encode(&text),
            Place::Query => Ok(query::encode(&text)),
        };
        value
            .and_then(
                |value| if value.len() <= MAX_VALUE_BYTES { Ok(value) } else { Err("is too long for its target") },
            )
            .map(Some)
            .map_err(|problem| Invalid::Claim {
                name: Excerpt::new(self.claim.as_bytes(), CLAIM_EXCERPT_BYTES),
                problem,
            })
    }
}

#[cfg(test)]
mod tests;
