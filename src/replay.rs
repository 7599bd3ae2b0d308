//! Each `jti` is accepted once: what counts as one, and the store of those that were used.

mod ledger;
mod shared_data;
mod store;

pub use shared_data::{Conflict, SharedData};

use crate::claims::Claims;
use crate::json::Value;
use crate::numeric_date::NumericDate;
use crate::rejection::{Invalid, Rejection};

use ledger::Reserve;
use store::{Identity, Insertion, Store};

/// The longest `jti`, in bytes. A random one has some 30.
pub const MAX_JTI_BYTES: usize = 1024;

/// The largest `clockSkewSeconds` with `preventJtiReplay`, and how long past `exp` every used `jti` is kept. Listeners that
/// share a `vm_id`, and a later update, can each have another skew. All keep a `jti` for as long as the largest skew could
/// accept its token, so none accepts it again. Five minutes is the usual leeway in JWT libraries; each second more keeps
/// every entry longer.
pub(crate) const MAX_CLOCK_SKEW_SECONDS: u64 = 300;

/// `preventJtiReplay: true`.
#[derive(Debug)]
pub(crate) struct ReplayPolicy {
    max_tracked_jtis: u64,
    reserve: Reserve,
}

impl ReplayPolicy {
    /// A policy that refuses when this many `jti`s are live.
    pub(crate) fn new(max_tracked_jtis: u64) -> Self {
        Self { max_tracked_jtis, reserve: Reserve::default() }
    }

    /// Records the token's `jti` as used until `exp` and [`MAX_CLOCK_SKEW_SECONDS`], whatever the configuration's own skew.
    /// S403JI when the token has none that can be used, S403JU when it was used before, S503JF when the store can't take it.
    ///
    /// Of any number of workers that admit the same `jti` at the same time, exactly one gets `Ok`.
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
            Insertion::Refused => Err(Rejection::ReplayStoreFull),
        }
    }
}

/// Seconds since the epoch in the 32 bits of the store; a time after 2106 counts as the end of it.
fn whole_seconds(seconds: f64) -> u32 {
    seconds.clamp(0.0, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests;
