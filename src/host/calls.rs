//! The calls to the host, without the SDK's wrappers. Those panic on an unexpected status, copy every header, and lack
//! an argument of the local response. A panic would make Envoy reload the whole VM; here a failed call returns
//! [`Failed`], and the caller rejects the request.

#![expect(unsafe_code, reason = "the host's functions are foreign functions")]

mod imports;

use std::ptr;
use std::time::Duration;

use log::Level;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, MetricType, Status, StreamType};

use crate::call::{Call, Reply};
use crate::header_map::{Header, encode};
use crate::response::Response;
use imports::*;

/// A call to the host failed.
#[derive(Debug)]
pub(super) struct Failed;

/// The status of a call that succeeded.
const OK: u32 = 0;

/// The status of a call for something that does not exist.
const NOT_FOUND: u32 = 1;

/// All headers or trailers, serialized, for [`crate::decode_header_map`].
pub(super) fn read_header_map(map: MapType) -> Result<Vec<u8>, Failed> {
    // SAFETY: both pointers are valid for the call, which writes through them and keeps neither.
    received(|data, size| unsafe { proxy_get_header_map_pairs(map, data, size) })?.ok_or(Failed)
}

/// Adds a header or trailer, and keeps those with the same name.
pub(super) fn add_header(map: MapType, name: &str, value: &[u8]) -> Result<(), Failed> {
    // SAFETY: the pointers and lengths are of live bytes, which the host copies; so in all calls below that send bytes.
    done(unsafe { proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Replaces all headers or trailers with this name by one.
pub(super) fn set_header(map: MapType, name: &str, value: &[u8]) -> Result<(), Failed> {
    // SAFETY: as in `add_header`.
    done(unsafe { proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Removes all headers or trailers with this name.
pub(super) fn remove_header(map: MapType, name: &str) -> Result<(), Failed> {
    // SAFETY: as in `add_header`.
    done(unsafe { proxy_remove_header_map_value(map, name.as_ptr(), name.len()) })
}

/// The first `max_size` bytes of a body or a configuration; empty when there is none.
pub(super) fn read_buffer(buffer: BufferType, max_size: usize) -> Result<Vec<u8>, Failed> {
    // SAFETY: as in `read_header_map`.
    received(|data, size| unsafe { proxy_get_buffer_bytes(buffer, 0, max_size, data, size) })
        .map(Option::unwrap_or_default)
}

/// Replaces the first `size` bytes of a body.
pub(super) fn write_buffer(buffer: BufferType, size: usize, bytes: &[u8]) -> Result<(), Failed> {
    // SAFETY: as in `add_header`.
    done(unsafe { proxy_set_buffer_bytes(buffer, 0, size, bytes.as_ptr(), bytes.len()) })
}

/// The time of the host's clock since 1970-01-01T00:00:00Z.
pub(super) fn current_time() -> Result<Duration, Failed> {
    let mut nanoseconds = 0;
    // SAFETY: the pointer is valid for the call, which writes through it and does not keep it.
    done(unsafe { proxy_get_current_time_nanoseconds(&mut nanoseconds) })?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// A property of the host whose path has one part; `None` if it does not exist.
pub(super) fn read_property(name: &str) -> Result<Option<Vec<u8>>, Failed> {
    // SAFETY: as in `read_header_map`, and the name is live.
    received(|data, size| unsafe { proxy_get_property(name.as_ptr(), name.len(), data, size) })
}

/// Writes an entry of the request's filter state, which other filters read as `wasm.<name>`.
pub(super) fn write_filter_state(name: &str, value: &str) -> Result<(), Failed> {
    // SAFETY: as in `add_header`.
    done(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// A value that all VMs with the same `vm_id` share, and its version; `None` if the key does not exist.
pub(super) fn read_shared_data(key: &str) -> Result<Option<(Vec<u8>, u32)>, Failed> {
    let mut version = 0;
    // SAFETY: as in `read_header_map`; the key is live and `version` is valid for the call.
    let value =
        received(|data, size| unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &mut version) })?;
    // For an empty value the host sends no memory. Only the version then shows that the key exists.
    Ok(if version == 0 { None } else { Some((value.unwrap_or_default(), version)) })
}

/// Writes a shared value if its version is still `version`; fails if another worker has written it since.
pub(super) fn write_shared_data(key: &str, value: &[u8], version: u32) -> Result<(), Failed> {
    // SAFETY: as in `add_header`.
    done(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version) })
}

/// Calls a foreign function of the host. Returns its result, or `None` if the result is empty.
pub(super) fn call_foreign_function(name: &str, argument: &[u8]) -> Result<Option<Vec<u8>>, Failed> {
    // SAFETY: as in `read_header_map`, and name and argument are live.
    received(|data, size| unsafe {
        proxy_call_foreign_function(name.as_ptr(), name.len(), argument.as_ptr(), argument.len(), data, size)
    })
    .map(|result| result.filter(|bytes| !bytes.is_empty()))
}

/// Defines a counter or gauge and returns its identifier.
pub(super) fn define_metric(kind: MetricType, name: &str) -> Result<u32, Failed> {
    let mut id = 0;
    // SAFETY: the name is live, and `id` is valid for the call.
    done(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &mut id) })?;
    Ok(id)
}

/// Sets a gauge.
pub(super) fn set_gauge(id: u32, value: u64) -> Result<(), Failed> {
    // SAFETY: numbers only.
    done(unsafe { proxy_record_metric(id, value) })
}

/// Increments a counter by `amount`.
pub(super) fn increment_counter(id: u32, amount: u32) -> Result<(), Failed> {
    // SAFETY: numbers only.
    done(unsafe { proxy_increment_metric(id, i64::from(amount)) })
}

/// Continues a request that a callback has paused.
pub(super) fn continue_request() -> Result<(), Failed> {
    // SAFETY: numbers only.
    done(unsafe { proxy_continue_stream(StreamType::HttpRequest) })
}

/// Makes the calls that follow act on another context: on a request, or on the root again. Fails if the request is
/// gone.
pub(super) fn set_effective_context(context_id: u32) -> Result<(), Failed> {
    // SAFETY: a number only.
    done(unsafe { proxy_set_effective_context(context_id) })
}

/// Why an HTTP call was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    NoCluster,
    NoHost,
}

impl NotSent {
    /// What it is for the sender of the call.
    pub(super) fn reply(self) -> Reply<'static> {
        match self {
            Self::NoCluster => Reply::NoCluster,
            Self::NoHost => Reply::NoHost,
        }
    }
}

/// Sends an HTTP call and returns its token, for `on_http_call_response` of the context whose callback runs: of the
/// request, or of the root also if it acts on a request.
///
/// This uses the SDK's wrapper, because only the SDK can bring the answer back. It panics on a status that no host
/// returns.
pub(super) fn send_http_call(call: &Call) -> Result<u32, NotSent> {
    let headers = call.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let body = (!call.body.is_empty()).then_some(call.body.as_slice());
    let sent = hostcalls::dispatch_http_call(&call.cluster, headers, body, vec![], call.timeout);
    sent.map_err(|status| if status == Status::BadArgument { NotSent::NoCluster } else { NotSent::NoHost })
}

/// Makes the host call `on_tick` once in each period. The period is rounded down to milliseconds.
pub(super) fn set_tick_period(period: Duration) -> Result<(), Failed> {
    let milliseconds = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: a number only.
    done(unsafe { proxy_set_tick_period_milliseconds(milliseconds) })
}

/// Writes one line to the host's log.
pub(super) fn log(level: Level, text: &str) -> Result<(), Failed> {
    // The log levels of proxy-wasm.
    let level = match level {
        Level::Trace => 0,
        Level::Debug => 1,
        Level::Info => 2,
        Level::Warn => 3,
        Level::Error => 4,
    };
    // SAFETY: as in `add_header`.
    done(unsafe { proxy_log(level, text.as_ptr(), text.len()) })
}

/// Sends a response to the client. The request goes no further.
pub(super) fn send_local_response(response: &Response) -> Result<(), Failed> {
    let Response { status, details, headers, body, grpc_status } = response;
    let headers: Vec<Header> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let headers = encode(&headers);
    // SAFETY: as in `add_header`.
    done(unsafe {
        proxy_send_local_response(
            u32::from(*status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            // -1 means no gRPC status.
            grpc_status.map_or(-1, i32::from),
        )
    })
}

fn done(status: u32) -> Result<(), Failed> {
    if status == OK { Ok(()) } else { Err(Failed) }
}

/// The bytes that `call` returns through its two pointers, or `None` for the status [`NOT_FOUND`].
fn received(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Option<Vec<u8>>, Failed> {
    let (mut data, mut size) = (ptr::null_mut(), 0);
    match call(&mut data, &mut size) {
        OK if data.is_null() => Ok(Some(Vec::new())),
        // SAFETY: the host allocated this memory with `proxy_on_memory_allocate`, in which the SDK leaks a vector of
        // exactly this capacity. The host has written all of it and keeps no pointer to it.
        OK => Ok(Some(unsafe { Vec::from_raw_parts(data, size, size) })),
        NOT_FOUND => Ok(None),
        _ => Err(Failed),
    }
}
