//! `dpop`: tokens that only the holder of a key can use ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)).

mod proof;
mod target;
pub(super) mod verifier;

use std::ops::RangeInclusive;

use crate::document::{Faults, Field, Section};
use crate::key::Algorithm;
use crate::url::Authority;
pub use proof::Proof;
use proof::ProofRules;

/// How long ago a proof may have been made, in seconds.
const MAX_AGE_SECONDS: RangeInclusive<u64> = 1..=300;
const DEFAULT_MAX_AGE_SECONDS: u64 = 60;

/// The algorithms of proofs that a filter accepts by default.
pub const DEFAULT_PROOF_ALGORITHMS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256];

/// The most origins.
const MAX_ORIGINS: usize = 16;

/// `dpop`.
#[derive(Debug)]
pub(crate) struct Dpop {
    /// Whether a token without a proof is rejected, even if it is bound to no key.
    pub(super) is_required: bool,
    pub(super) rules: ProofRules,
}

impl Dpop {
    /// Reads `dpop`. `resource` is where the resource is, if that is known. `None` after an error.
    ///
    /// Configuration errors: an unknown field, a time out of its range, an algorithm that is not for signatures or not for
    /// proofs, an origin that is no `https` or `http` URL of only a host, no origin and no resource.
    pub(super) fn parse(field: &Field, resource: Option<&Authority>, faults: &mut Faults) -> Option<Self> {
        let mut section = field.section(faults)?;
        let is_required = section.optional("required").map(|field| field.boolean(faults));
        let max_age = section.optional("maxAgeSeconds").map(|field| field.integer(MAX_AGE_SECONDS, faults));
        let algorithms = section.optional("algorithms").map(|field| algorithms(&field, faults));
        let origins = origins(&mut section, resource, faults);
        section.finish(faults);
        let rules = ProofRules {
            max_age: max_age.unwrap_or(Some(DEFAULT_MAX_AGE_SECONDS))? as f64,
            algorithms: algorithms.unwrap_or_else(|| Some(DEFAULT_PROOF_ALGORITHMS.to_vec()))?,
            origins: origins?,
        };
        Some(Self { is_required: is_required.unwrap_or(Some(false))?, rules })
    }

    /// The names of the algorithms, in the order of the configuration.
    pub(super) fn algorithm_names(&self) -> Vec<&'static str> {
        self.rules.algorithms.iter().map(|algorithm| algorithm.name()).collect()
    }
}

/// Whether the configuration can allow the algorithm.
fn is_for_proofs(algorithm: Algorithm) -> bool {
    !algorithm.is_hmac() && !matches!(algorithm, Algorithm::Es512 | Algorithm::Es256k)
}

fn algorithms(field: &Field, faults: &mut Faults) -> Option<Vec<Algorithm>> {
    let fields = field.list_of_at_most(Algorithm::ALL.len(), faults)?;
    if fields.is_empty() {
        faults.report(field.path(), "expected at least one element");
    }
    let algorithm = |field: &Field, faults: &mut Faults| {
        let name = field.string(faults)?;
        let found = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        let usable = found.filter(|&algorithm| is_for_proofs(algorithm));
        if usable.is_none() {
            faults.report(
                field.path(),
                "expected ES256, ES384, EdDSA, Ed25519, PS256, PS384, PS512, RS256, RS384 or RS512",
            );
        }
        usable
    };
    let algorithms: Vec<_> = fields.iter().map(|field| algorithm(field, faults)).collect();
    algorithms.into_iter().collect()
}

fn origins(section: &mut Section, resource: Option<&Authority>, faults: &mut Faults) -> Option<Vec<Authority>> {
    let Some(field) = section.optional("origins") else {
        if resource.is_none() {
            faults.report(section.path_of("origins"), "required without metadata");
        }
        return resource.map(|resource| vec![resource.clone()]);
    };
    let fields = field.list_of_at_most(MAX_ORIGINS, faults)?;
    if fields.is_empty() {
        faults.report(field.path(), "expected at least one element");
    }
    let origin = |field: &Field, faults: &mut Faults| {
        let origin = Authority::of_origin(field.string(faults)?);
        origin.map_err(|expected| faults.report(field.path(), expected)).ok()
    };
    let origins: Vec<_> = fields.iter().map(|field| origin(field, faults)).collect();
    origins.into_iter().collect()
}

#[cfg(test)]
mod tests;
