//! Host calls made directly, because the SDK's own either copies too much, panics on what the host may answer, or leaves
//! out an argument.

#![expect(unsafe_code, reason = "these are calls across the border of the module")]

use proxy_wasm::types::MapType;

use crate::header_map::{Header, encode};

/// The host did not do what it was asked for.
pub(super) struct Failed;

/// The status of a call that did its work.
const OK: u32 = 0;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: MapType, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
}

/// All headers or trailers in one call, as the host serializes them, for [`crate::decode_header_map`]. The SDK copies every
/// name and value, and panics on a name that is not UTF-8.
pub(super) fn read_header_map(map: MapType) -> Result<Vec<u8>, Failed> {
    let mut data: *mut u8 = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: both pointers are valid for the call, which writes through them and keeps neither.
    match unsafe { proxy_get_header_map_pairs(map, &mut data, &mut size) } {
        OK if data.is_null() => Ok(Vec::new()),
        // SAFETY: the host had this memory from `proxy_on_memory_allocate`, where the SDK gives up a vector of just this
        // capacity; it has written all of it and hands it over.
        OK => Ok(unsafe { Vec::from_raw_parts(data, size, size) }),
        _ => Err(Failed),
    }
}

/// Writes an entry of the request's filter state, which others read as `wasm.<name>`. The SDK panics when the host
/// refuses.
pub(super) fn write_filter_state(name: &str, value: &str) -> Result<(), Failed> {
    // SAFETY: both pointers and lengths are of live strings, which the host copies.
    match unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) } {
        OK => Ok(()),
        _ => Err(Failed),
    }
}

/// An answer that the host sends in place of a backend's.
pub(super) struct LocalResponse<'a> {
    pub(super) status: u16,
    /// What the access log gets as `%RESPONSE_CODE_DETAILS%`.
    pub(super) details: &'a str,
    pub(super) headers: &'a [Header<'a>],
    /// For a gRPC client this is `grpc-message`.
    pub(super) body: &'a str,
    /// For a gRPC client only.
    pub(super) grpc_status: Option<u8>,
}

/// Sends an answer. The SDK passes no details, and panics when the host refuses.
pub(super) fn send_local_response(response: &LocalResponse) -> Result<(), Failed> {
    let LocalResponse { status, details, headers, body, grpc_status } = response;
    let headers = encode(headers);
    // SAFETY: all pointers and lengths are of live strings and bytes, which the host copies.
    let status = unsafe {
        proxy_send_local_response(
            u32::from(*status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            // The host's sign for no gRPC status.
            grpc_status.map_or(-1, i32::from),
        )
    };
    match status {
        OK => Ok(()),
        _ => Err(Failed),
    }
}
