//! The HTTP calls that fetch keys. Only the root context sends them.

use proxy_wasm::types::{BufferType, MapType};

use super::calls::{self, NotSent};
use super::services::Envoy;
use crate::header_map::decode as decode_header_map;
use crate::numeric_date::NumericDate;
use crate::remote_keys::{Call, CallId, MAX_BODY_BYTES, RemoteKeys, Reply};

/// The calls of one root context that wait for an answer, by the token that Envoy gave them. At most one for each set.
#[derive(Debug, Default)]
pub(super) struct KeyCalls(Vec<(u32, CallId)>);

impl KeyCalls {
    /// Sends the calls. One that can't be sent is a failed fetch.
    pub(super) fn send(&mut self, calls: Vec<Call>, keys: &RemoteKeys, now: NumericDate) {
        for call in calls {
            // A call of the same set is not answered any more.
            self.0.retain(|(_, open)| !open.is_for_set_of(call.id));
            match calls::send_http_call(&call) {
                Ok(token) => self.0.push((token, call.id)),
                Err(not_sent) => {
                    let reply = match not_sent {
                        NotSent::NoCluster => Reply::NoCluster,
                        NotSent::NoHost => Reply::NoHost,
                    };
                    // A failed call has no next one.
                    let _ = keys.answer(call.id, reply, now, &Envoy);
                }
            }
        }
    }

    /// Takes the answer to the call with this token, whose body has `body_size` bytes, and sends the next call.
    pub(super) fn answer(&mut self, token: u32, body_size: usize, keys: &RemoteKeys, now: NumericDate) {
        let Some(index) = self.0.iter().position(|(open, _)| *open == token) else { return };
        let (_, id) = self.0.swap_remove(index);
        let serialized = calls::read_header_map(MapType::HttpCallResponseHeaders).unwrap_or_default();
        let headers = decode_header_map(&serialized).unwrap_or_default();
        let size = body_size.min(MAX_BODY_BYTES.saturating_add(1));
        let reply = match calls::read_buffer(BufferType::HttpCallResponseBody, size) {
            // A body that can't be read, or not completely, is no answer.
            Ok(body) if body.len() == size => {
                keys.answer(id, Reply::Answer { headers: &headers, body: &body }, now, &Envoy)
            }
            _ => keys.answer(id, Reply::NoAnswer, now, &Envoy),
        };
        self.send(reply.into_iter().collect(), keys, now);
    }
}
