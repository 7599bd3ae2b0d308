//! The calls of the module that act on a stream, or read the answer to an HTTP call.

use wasmi::{Caller, Error};

use super::imports::read_headers;
use super::memory::{hand_over, read, read_text};
use super::{BAD_ARGUMENT, Headers, NOT_FOUND, OK, Response, State};

/// The numbers of the header maps.
const REQUEST_HEADERS: usize = 0;
const REQUEST_TRAILERS: usize = 1;
const CALL_HEADERS: usize = 6;
const CALL_TRAILERS: usize = 7;

/// The numbers of the buffers.
const REQUEST_BODY: usize = 0;
const CALL_BODY: usize = 4;
const VM_CONFIGURATION: usize = 6;
const PLUGIN_CONFIGURATION: usize = 7;

/// Does what a call asks, and returns its status; `None` if the host does not know the call.
pub(super) fn host_call(caller: &mut Caller<State>, name: &str, arguments: &[usize]) -> Result<Option<u32>, Error> {
    let status = match (name, arguments) {
        ("proxy_get_buffer_bytes", &[buffer, start, max_size, data, size]) => {
            let Some(bytes) = buffer_of(caller.data_mut(), buffer) else { return Ok(Some(NOT_FOUND)) };
            let wanted: Vec<u8> = bytes.into_iter().skip(start).take(max_size).collect();
            hand_over(caller, &wanted, data, size)?;
            OK
        }
        ("proxy_set_buffer_bytes", &[REQUEST_BODY, start, replaced, data, size]) => {
            let bytes = read(caller, data, size);
            let stream = caller.data_mut().stream();
            stream.map_or(BAD_ARGUMENT, |stream| status_of(stream.write_body(start, replaced, &bytes)))
        }
        ("proxy_get_header_map_pairs", &[map, data, size]) => {
            let pairs = map_of(caller.data_mut(), map);
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
            // Envoy sends nothing for an empty map.
            let serialized = if pairs.is_empty() { Vec::new() } else { jwt_auth::encode_header_map(&pairs) };
            hand_over(caller, &serialized, data, size)?;
            OK
        }
        ("proxy_add_header_map_value", &[map, name, name_size, value, size]) => {
            let header = (read_name(caller, name, name_size), read(caller, value, size));
            edit(caller.data_mut(), map, |headers| headers.push(header))
        }
        ("proxy_replace_header_map_value", &[map, name, name_size, value, size]) => {
            let (name, value) = (read_name(caller, name, name_size), read(caller, value, size));
            edit(caller.data_mut(), map, |headers| {
                headers.retain(|(other, _)| *other != name);
                headers.push((name, value));
            })
        }
        ("proxy_remove_header_map_value", &[map, name, name_size]) => {
            let name = read_name(caller, name, name_size);
            edit(caller.data_mut(), map, |headers| headers.retain(|(other, _)| *other != name))
        }
        ("proxy_set_property", &[name, name_size, value, size]) => {
            let entry = (read(caller, name, name_size), read(caller, value, size));
            match caller.data_mut().stream() {
                Some(stream) => {
                    stream.filter_state.extend([entry]);
                    OK
                }
                None => NOT_FOUND,
            }
        }
        ("proxy_continue_stream", &[0]) => {
            let target = caller.data().target();
            let state = caller.data_mut();
            match state.streams.get_mut(&target) {
                Some(stream) => {
                    stream.continue_stream();
                    state.resumed.push_back(target);
                }
                None => state.violations.push("continue_stream without a stream".to_owned()),
            }
            OK
        }
        ("proxy_send_local_response", &[status, _, _, body, size, headers, headers_size, grpc_status]) => {
            let response = Response {
                status: status as u32,
                headers: read_headers(caller, headers, headers_size),
                body: read(caller, body, size),
                grpc_status: grpc_status as u32 as i32,
                answers_before: 0,
            };
            let state = caller.data_mut();
            match state.stream() {
                Some(stream) => stream.respond(response),
                None => state.violations.push("a response without a stream".to_owned()),
            }
            OK
        }
        _ => return Ok(None),
    };
    Ok(Some(status))
}

/// A buffer; `None` where Envoy has none. A body that is out of reach is empty.
fn buffer_of(state: &mut State, buffer: usize) -> Option<Vec<u8>> {
    let root = state.roots.get(&state.root());
    match buffer {
        REQUEST_BODY => Some(state.stream().and_then(|stream| stream.body().cloned()).unwrap_or_default()),
        CALL_BODY => root?.reply.as_ref().filter(|reply| !reply.headers.is_empty()).map(|reply| reply.body.clone()),
        VM_CONFIGURATION => Some(b"signatures: wasm".to_vec()),
        PLUGIN_CONFIGURATION => root.filter(|root| root.is_configuring).map(|root| root.configuration.clone()),
        _ => None,
    }
}

/// A header map, to read. One that is out of reach is empty.
fn map_of(state: &mut State, map: usize) -> Headers {
    let root = state.root();
    let reply = state.roots.get(&root).and_then(|root| root.reply.clone()).unwrap_or_default();
    match map {
        CALL_HEADERS => reply.headers,
        CALL_TRAILERS => reply.trailers,
        REQUEST_HEADERS => state.stream().and_then(|stream| stream.headers().cloned()).unwrap_or_default(),
        REQUEST_TRAILERS => state.stream().and_then(|stream| stream.trailers().cloned()).unwrap_or_default(),
        other => panic!("header map {other}"),
    }
}

/// Edits the headers or trailers of a request. Returns the status.
fn edit(state: &mut State, map: usize, change: impl FnOnce(&mut Headers)) -> u32 {
    let Some(stream) = state.stream() else {
        state.violations.push("an edit without a stream".to_owned());
        return BAD_ARGUMENT;
    };
    let headers = match map {
        REQUEST_HEADERS => stream.headers_to_edit(),
        REQUEST_TRAILERS => stream.trailers_to_edit(),
        other => panic!("header map {other} is not of a request"),
    };
    status_of(headers.map(change))
}

fn read_name(caller: &Caller<State>, start: usize, size: usize) -> String {
    read_text(caller, start, size).to_ascii_lowercase()
}

fn status_of(result: Result<(), u32>) -> u32 {
    result.err().unwrap_or(OK)
}
