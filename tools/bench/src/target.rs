//! Performance targets, and whether the filter meets them.

use serde::Serialize;

use crate::jti_store::Row;
use crate::measure::Results;
use crate::median::median;

/// A target and the measured value.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    /// The description.
    pub(crate) target: String,
    /// The highest allowed value.
    pub(crate) limit: f64,
    /// The measured value.
    pub(crate) measured: f64,
    pub(crate) met: bool,
}

/// Description, variant, reference variant, and the highest allowed ratio of the two (the median of all turns).
const RATIOS: [(&str, &str, &str, f64); 9] = [
    ("many tokens, against jwt_authn", "many", "native", 0.95),
    ("one token, against jwt_authn with its cache", "same", "native-same", 1.05),
    ("replay protection with a thousand live jtis, against none", "replay-few", "replay-off", 1.10),
    ("replay protection with a million live jtis, against none", "replay-many", "replay-off", 1.10),
    ("a bad signature, against an accepted token", "bad", "many", 1.0),
    ("an expired token, against an accepted one", "expired", "many", 1.0),
    ("no token, against an accepted one", "missing", "same", 1.0),
    ("tokens of 4 KB with 50 claims, against jwt_authn", "large", "native-large", 1.0),
    ("ES256, many tokens, against jwt_authn", "es256", "native-es256", 1.0),
];

/// The highest allowed CPU time with an engine, as a multiple of that with a trivial server.
const MAX_AGAINST_BARE: f64 = 1.2;

const MAX_BYTES_PER_JTI: f64 = 40.0;

/// The targets whose variants were measured.
pub(crate) fn verdicts(results: &Results) -> Vec<Verdict> {
    let turns = |name: &str| results.rows.iter().find(|row| row.variant.name == name).map(|row| &row.micros);
    let ratios = RATIOS.into_iter().filter_map(|(target, variant, reference, limit)| {
        // Both values are from the same turn, so that a temporary slowdown of the machine affects both.
        let pairs = turns(variant)?.iter().zip(turns(reference)?);
        let measured = median(&pairs.map(|(micros, other)| micros / other).collect::<Vec<_>>());
        Some(Verdict { target: format!("{target}: at most {limit:.2}"), limit, measured, met: measured <= limit })
    });
    let memory = results.store.as_ref().map(|store| store.bytes_per_jti).map(|measured| Verdict {
        target: format!("memory for a live jti: at most {MAX_BYTES_PER_JTI} bytes"),
        limit: MAX_BYTES_PER_JTI,
        measured,
        met: measured <= MAX_BYTES_PER_JTI,
    });
    let engines = results.jti_store.iter().filter(|row| row.pressure.workers == 1).filter_map(|row| {
        let measured = row.against_bare(&results.jti_store)?;
        let Row { label, pressure, .. } = row;
        let target = format!("{label}, {pressure}, against a trivial server: at most {MAX_AGAINST_BARE:.2}");
        Some(Verdict { target, limit: MAX_AGAINST_BARE, measured, met: measured <= MAX_AGAINST_BARE })
    });
    ratios.chain(memory).chain(engines).collect()
}
