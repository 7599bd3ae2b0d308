//! Reading all headers of a request in one call, without a copy of each.

#![expect(unsafe_code, reason = "the SDK copies every name and value, and panics on a name that is not UTF-8")]

use proxy_wasm::types::MapType;

/// The host could not give the headers.
pub(super) struct Unreadable;

/// The status of a call that did its work.
const OK: u32 = 0;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: MapType, data: *mut *mut u8, size: *mut usize) -> u32;
}

/// The headers or trailers as the host serializes them, for [`crate::decode_header_map`].
pub(super) fn read(map: MapType) -> Result<Vec<u8>, Unreadable> {
    let mut data: *mut u8 = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: both pointers are valid for the call, which writes through them and keeps neither.
    match unsafe { proxy_get_header_map_pairs(map, &mut data, &mut size) } {
        OK if data.is_null() => Ok(Vec::new()),
        // SAFETY: the host had this memory from `proxy_on_memory_allocate`, where the SDK gives up a vector of just this
        // capacity; it has written all of it and hands it over.
        OK => Ok(unsafe { Vec::from_raw_parts(data, size, size) }),
        _ => Err(Unreadable),
    }
}
