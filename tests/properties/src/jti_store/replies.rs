//! Answers that are lost or damaged.

use jwt_auth::Reply;
use kit::engine_model::{Answer, Kind, grpc, grpc_error, json};

/// What arrives at a worker.
#[derive(Clone, Debug)]
pub(super) enum Arrival {
    /// The connection broke.
    Nothing,
    Answer(Answer),
}

impl Arrival {
    /// Gives it to `take`.
    pub(super) fn give<T>(&self, take: impl FnOnce(Reply) -> T) -> T {
        let Self::Answer(Answer { headers, body, trailers }) = self else { return take(Reply::NoAnswer) };
        let [headers, trailers] = [headers, trailers].map(|headers| -> Vec<(&str, &[u8])> {
            headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
        });
        take(Reply::Answer { headers: &headers, body, trailers: &trailers })
    }

    /// What Envoy answers to a call that takes too long.
    pub(super) fn timeout() -> Self {
        Self::of_status("504")
    }

    /// One of the things that arrive instead of an answer.
    pub(super) fn loss(kind: Kind, number: usize) -> Self {
        Self::Answer(match number {
            0 => return Self::Nothing,
            1 => Answer { headers: Vec::new(), body: Vec::new(), trailers: Vec::new() },
            2 => return Self::of_status("503"),
            3 => json("<html><body>It works!</body></html>"),
            4 => json(r#"{"SET":[false,"READONLY You can't write against a read only replica."]}"#),
            5 => json(r#"{"SET":[true,"OK"]}"#),
            6 => grpc_error(14, "etcdserver: request timed out"),
            // A transaction without a result, and one that succeeded without a write.
            7 => grpc(b""),
            8 => grpc(b"\x10\x01"),
            _ => match kind {
                Kind::Etcd => json(r#"{"SET":null}"#),
                Kind::Redis => grpc(b"\x10\x01\x1a\x02\x12\x00"),
            },
        })
    }

    /// How many [`Self::loss`]es there are.
    pub(super) const LOSSES: usize = 10;

    /// The answer with a damage at a place.
    pub(super) fn damaged(answer: &Answer, way: usize, at: usize) -> Self {
        let mut damaged = answer.clone();
        let Answer { headers, body, trailers } = &mut damaged;
        let place = at % body.len().max(1);
        match way {
            0 => body.truncate(place),
            1 => drop(body.drain(..place)),
            2..=5 => {
                if let Some(byte) = body.get_mut(place) {
                    *byte ^= 1 << (at % 8);
                }
            }
            6 => body.extend_from_within(..),
            7 => body.extend(std::iter::repeat_n(b' ', 5_000)),
            8 => {
                trailers.clear();
                headers.retain(|(name, _)| name != "grpc-status");
            }
            _ => headers.retain(|(name, _)| name != ":status"),
        }
        Self::Answer(damaged)
    }

    /// How many ways of [`Self::damaged`] there are.
    pub(super) const DAMAGES: usize = 10;

    fn of_status(status: &str) -> Self {
        let headers = vec![(":status".to_owned(), status.as_bytes().to_vec())];
        Self::Answer(Answer { headers, body: b"upstream connect error".to_vec(), trailers: Vec::new() })
    }
}
