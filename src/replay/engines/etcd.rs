//! etcd, through its gRPC as plain HTTP/2 requests
//! ([etcd API](https://etcd.io/docs/v3.5/dev-guide/api_reference_v3/),
//! [gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)).
//!
//! A `jti` is one transaction: create the key if it is absent, otherwise read it. Its lease deletes it. One lease serves
//! all `jti`s that expire in the same span of time, and its ID is computed, so that every Envoy names the same lease
//! without asking.

use prost::Message;
use sha2::{Digest as _, Sha256};

use super::answer::{Answer, EngineReply, engine_error};
use super::failure::EngineFailure;

/// The path of a transaction.
pub(super) const TXN: &str = "/etcdserverpb.KV/Txn";

/// The path that grants a lease.
pub(super) const LEASE_GRANT: &str = "/etcdserverpb.Lease/LeaseGrant";

/// The gRPC status of success.
const OK: &[u8] = b"0";

/// The gRPC status of a transaction whose lease does not exist.
const NOT_FOUND: &[u8] = b"5";

/// The gRPC status of a grant of a lease that exists already.
const FAILED_PRECONDITION: &[u8] = b"9";

/// A span of time is at most 1/32 of the remaining lifetime of a token.
const SPANS_PER_LIFETIME: u32 = 32;

/// The shortest span, in seconds. The leases of shorter ones would cost more than the `jti`s.
const SHORTEST_SPAN: u32 = 16;

/// A lease that deletes all `jti`s that expire in one span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) id: i64,
    ttl_seconds: u32,
    /// When the span ends, in seconds since the epoch.
    pub(super) end: u32,
}

impl Lease {
    /// The lease for an entry that is needed until `end`, both in seconds since the epoch. Its time to live is longer by
    /// `tolerance`, the most by which the clocks of two Envoys may differ.
    pub(super) fn until(end: u32, now: u32, tolerance: u32, key_prefix: &str) -> Self {
        let remaining = end.saturating_sub(now);
        let span = remaining.checked_div(SPANS_PER_LIFETIME).unwrap_or(0);
        let span = span.max(SHORTEST_SPAN).checked_next_power_of_two().unwrap_or(SHORTEST_SPAN);
        let end = end.checked_next_multiple_of(span).unwrap_or(u32::MAX);
        let mut hash = Sha256::new();
        hash.update(key_prefix);
        hash.update(span.to_be_bytes());
        hash.update(end.to_be_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        // A lease ID is positive, and etcd chooses one for 0.
        let id = i64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default()) & i64::MAX | 1;
        // An Envoy with another clock may use the lease until the end of the span, so it lives one span longer.
        let ttl_seconds = end.saturating_sub(now).saturating_add(span).saturating_add(tolerance);
        Self { id, ttl_seconds, end }
    }

    /// The body of a request that grants it.
    pub(super) fn grant(&self) -> Vec<u8> {
        frame(&LeaseGrantRequest { ttl: i64::from(self.ttl_seconds), id: self.id })
    }
}

/// The body of a transaction that creates `key` with `value` under `lease`, or reads it if it exists.
pub(super) fn create_or_read(key: &[u8], value: &[u8], lease: &Lease) -> Vec<u8> {
    let absent = Compare { target: CREATE, key: key.to_vec(), union: Some(TargetUnion::CreateRevision(0)) };
    let put = PutRequest { key: key.to_vec(), value: value.to_vec(), lease: lease.id };
    let range = RangeRequest { key: key.to_vec() };
    frame(&TxnRequest {
        compare: vec![absent],
        success: vec![RequestOp { request: Some(Request::Put(put)) }],
        failure: vec![RequestOp { request: Some(Request::Range(range)) }],
    })
}

/// What the reply to [`create_or_read`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TxnReply {
    /// Whether the key was created.
    Answer(Answer),
    /// The lease must be granted first.
    LeaseMissing,
}

/// Reads the reply to [`create_or_read`] with `value`.
///
/// # Errors
/// When it is anything but a complete answer.
pub(super) fn read_txn(reply: EngineReply, value: &[u8]) -> Result<TxnReply, EngineFailure> {
    reply.check_status()?;
    if reply.grpc_status() == Some(NOT_FOUND) {
        return Ok(TxnReply::LeaseMissing);
    }
    let response: TxnResponse = unframe(reply)?;
    let [ResponseOp { response: Some(answer) }] = &response.responses[..] else {
        return Err(EngineFailure::Malformed);
    };
    match answer {
        Response::Put(_) if response.succeeded => Ok(TxnReply::Answer(Answer::Won)),
        Response::Range(range) if !response.succeeded => match &range.kvs[..] {
            // The answer to an earlier attempt of this request was lost.
            [kv] if kv.value == value => Ok(TxnReply::Answer(Answer::Won)),
            [kv] if !kv.value.is_empty() => Ok(TxnReply::Answer(Answer::Lost)),
            _ => Err(EngineFailure::Malformed),
        },
        Response::Put(_) | Response::Range(_) => Err(EngineFailure::Malformed),
    }
}

/// Reads the reply to [`Lease::grant`].
///
/// # Errors
/// When the lease may not exist.
pub(super) fn read_grant(reply: EngineReply, lease: &Lease) -> Result<(), EngineFailure> {
    reply.check_status()?;
    if reply.grpc_status() == Some(FAILED_PRECONDITION) {
        return Ok(());
    }
    let response: LeaseGrantResponse = unframe(reply)?;
    match response.error.as_str() {
        "" if response.id == lease.id => Ok(()),
        "" => Err(EngineFailure::Malformed),
        error => Err(engine_error(error.as_bytes())),
    }
}

/// A message as gRPC sends it: not compressed, with its length.
fn frame(message: &impl Message) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&[0], &length.to_be_bytes()[..], &bytes].concat()
}

/// The one message of a reply with status 0.
fn unframe<M: Message + Default>(reply: EngineReply) -> Result<M, EngineFailure> {
    reply.check_status()?;
    if reply.grpc_status() != Some(OK) {
        return Err(reply.grpc_failure());
    }
    let (header, message) = reply.whole_body()?.split_first_chunk::<5>().ok_or(EngineFailure::Malformed)?;
    let [is_compressed, length @ ..] = header;
    if *is_compressed != 0 || u32::from_be_bytes(*length) as usize != message.len() {
        return Err(EngineFailure::Malformed);
    }
    M::decode(message).map_err(|_| EngineFailure::Malformed)
}

/// `Compare.CompareTarget.CREATE`.
const CREATE: i32 = 1;

#[derive(Clone, PartialEq, Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
    #[prost(int64, tag = "3")]
    lease: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Compare {
    #[prost(int32, tag = "2")]
    target: i32,
    #[prost(bytes = "vec", tag = "3")]
    key: Vec<u8>,
    #[prost(oneof = "TargetUnion", tags = "5")]
    union: Option<TargetUnion>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum TargetUnion {
    #[prost(int64, tag = "5")]
    CreateRevision(i64),
}

#[derive(Clone, PartialEq, Message)]
struct RequestOp {
    #[prost(oneof = "Request", tags = "1, 2")]
    request: Option<Request>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Request {
    #[prost(message, tag = "1")]
    Range(RangeRequest),
    #[prost(message, tag = "2")]
    Put(PutRequest),
}

#[derive(Clone, PartialEq, Message)]
struct TxnRequest {
    #[prost(message, repeated, tag = "1")]
    compare: Vec<Compare>,
    #[prost(message, repeated, tag = "2")]
    success: Vec<RequestOp>,
    #[prost(message, repeated, tag = "3")]
    failure: Vec<RequestOp>,
}

#[derive(Clone, PartialEq, Message)]
struct TxnResponse {
    #[prost(bool, tag = "2")]
    succeeded: bool,
    #[prost(message, repeated, tag = "3")]
    responses: Vec<ResponseOp>,
}

#[derive(Clone, PartialEq, Message)]
struct ResponseOp {
    #[prost(oneof = "Response", tags = "1, 2")]
    response: Option<Response>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Response {
    #[prost(message, tag = "1")]
    Range(RangeResponse),
    #[prost(message, tag = "2")]
    Put(PutResponse),
}

#[derive(Clone, PartialEq, Message)]
struct RangeResponse {
    #[prost(message, repeated, tag = "2")]
    kvs: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(bytes = "vec", tag = "5")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct PutResponse {}

#[derive(Clone, PartialEq, Message)]
struct LeaseGrantRequest {
    #[prost(int64, tag = "1")]
    ttl: i64,
    #[prost(int64, tag = "2")]
    id: i64,
}

#[derive(Clone, PartialEq, Message)]
struct LeaseGrantResponse {
    #[prost(int64, tag = "2")]
    id: i64,
    #[prost(string, tag = "4")]
    error: String,
}

#[cfg(test)]
mod tests;
