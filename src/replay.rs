//! Replay protection: each `jti` is accepted once.

mod engines;
mod ledger;
mod store;

use crate::claims::Claims;
use crate::json::Value;
use crate::numeric_date::NumericDate;
use crate::rejection::{Invalid, Rejection};
use crate::shared_data::SharedData;

use ledger::Reserve;
use store::{Identity, Insertion, Store};

/// The longest `jti` that is accepted, in bytes. A random one has about 30.
pub const MAX_JTI_BYTES: usize = 1024;

/// The largest `clockSkewSeconds` with `preventJtiReplay`, and how long after `exp` every used `jti` is kept, in
/// seconds.
///
/// Listeners that share a `vm_id` can have different clock skews, and an update can change a clock skew. A `jti` is
/// kept for as long as the largest clock skew could accept its token, so none of them accepts it again. Five minutes is
/// the usual leeway of JWT libraries; a larger maximum would keep every entry longer.
pub(crate) const MAX_CLOCK_SKEW_SECONDS: u64 = 300;

/// `preventJtiReplay: true`, in one worker.
#[derive(Debug)]
pub(crate) struct ReplayPolicy {
    max_tracked_jtis: u64,
    reserve: Reserve,
}

impl ReplayPolicy {
    /// A policy that rejects new `jti`s when `max_tracked_jtis` are live.
    pub(crate) fn new(max_tracked_jtis: u64) -> Self {
        Self { max_tracked_jtis, reserve: Reserve::default() }
    }

    /// Records the token's `jti` as used until [`MAX_CLOCK_SKEW_SECONDS`] after `exp`. If several workers do so with
    /// the same `jti` at the same time, exactly one of them succeeds.
    ///
    /// # Errors
    /// - S403JI when `jti` is missing, empty, not a string, or longer than [`MAX_JTI_BYTES`].
    /// - S403JU when this `jti` of this issuer was used before.
    /// - S503JF when too many `jti`s are live or the store can't be written.
    /// - A403JT when `exp` is missing.
    pub(crate) fn admit(
        &self,
        claims: &Claims,
        now: NumericDate,
        shared_data: &dyn SharedData,
    ) -> Result<(), Rejection> {
        let jti = claims.find("jti").and_then(Value::as_str).ok_or(Rejection::JtiMissing)?;
        if jti.is_empty() || jti.len() > MAX_JTI_BYTES {
            return Err(Rejection::JtiMissing);
        }
        let expiration = claims.times().expiration().ok_or(Invalid::ExpirationMissing)?;
        let end = expiration.plus(MAX_CLOCK_SKEW_SECONDS as f64);
        let issuer = claims.find("iss").map(Value::plain);
        let identity = Identity::new(issuer.as_deref(), jti);
        let now = whole_seconds(now.as_unix_seconds().floor());
        let store = Store { shared_data, reserve: &self.reserve, max_live: self.max_tracked_jtis, now };
        match store.insert(&identity, whole_seconds(end.as_unix_seconds().ceil())) {
            Insertion::Inserted => Ok(()),
            Insertion::Present => Err(Rejection::JtiUsed),
            Insertion::NotRecorded => Err(Rejection::ReplayStoreFull),
        }
    }
}

/// Seconds since the epoch as 32 bits, as the store keeps them. Later times, from the year 2106 on, become the largest.
fn whole_seconds(seconds: f64) -> u32 {
    seconds.clamp(0.0, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests;
