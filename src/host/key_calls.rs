//! The HTTP calls that fetch keys. Only the root context sends them.

use super::calls;
use super::received::Received;
use super::services::Envoy;
use crate::numeric_date::NumericDate;
use crate::remote_keys::{CallId, KeyCall, MAX_BODY_BYTES, RemoteKeys};

/// The calls of one root context that wait for an answer, by the token that Envoy gave them. At most one for each set.
#[derive(Debug, Default)]
pub(super) struct KeyCalls(Vec<(u32, CallId)>);

impl KeyCalls {
    /// Sends the calls. One that can't be sent is a failed fetch.
    pub(super) fn send(&mut self, calls: Vec<KeyCall>, keys: &RemoteKeys, now: NumericDate) {
        for KeyCall { id, call } in calls {
            // A call of the same set is not answered any more.
            self.0.retain(|(_, open)| !open.is_for_set_of(id));
            match calls::send_http_call(&call) {
                Ok(token) => self.0.push((token, id)),
                // A failed call has no next one.
                Err(not_sent) => drop(keys.answer(id, not_sent.reply(), now, &Envoy)),
            }
        }
    }

    /// Whether it waits for the answer to the call with this token.
    pub(super) fn waits_for(&self, token: u32) -> bool {
        self.0.iter().any(|(open, _)| *open == token)
    }

    /// Takes the answer to the call with this token, whose body has `body_size` bytes, and sends the next call.
    pub(super) fn answer(&mut self, token: u32, body_size: usize, keys: &RemoteKeys, now: NumericDate) {
        let Some(index) = self.0.iter().position(|(open, _)| *open == token) else { return };
        let (_, id) = self.0.swap_remove(index);
        let received = Received::read(body_size, MAX_BODY_BYTES.saturating_add(1));
        let next = received.give(|reply| keys.answer(id, reply, now, &Envoy));
        self.send(next.into_iter().collect(), keys, now);
    }
}
