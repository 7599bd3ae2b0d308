//! One measurement: requests to one variant, and what they cost.

use crate::load::{self, Load, Seen, Wrk};
use crate::proxy::Proxy;
use crate::variant::Variant;

/// What requests cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// The CPU time of Envoy per request, in microseconds.
    pub(crate) micros: f64,
    /// The number of answers.
    pub(crate) answers: u64,
    pub(crate) seen: Seen,
}

/// Sends the requests.
///
/// # Errors
/// When an answer is missing, or has another status than the variant expects.
pub(crate) fn take(proxy: &Proxy, wrk: &Wrk, variant: &Variant, load: &Load) -> Result<Sample, String> {
    let address = proxy.address(variant)?;
    let (answers, as_expected) = proxy.answers(variant)?;
    let cpu = proxy.cpu()?;
    let seen = wrk.send(address, load)?;
    let spent = proxy.cpu()? - cpu;
    let now = proxy.answers(variant)?;
    let (answers, as_expected) = (now.0 - answers, now.1 - as_expected);
    let (name, count) = (variant.name, load.count);
    if answers != as_expected || answers + (load::spare(load.connections) as u64) < count as u64 {
        return Err(format!("{name}: {answers} answers to {count} requests, {as_expected} as expected"));
    }
    Ok(Sample { micros: spent as f64 / 1_000.0 / answers as f64, answers, seen })
}
