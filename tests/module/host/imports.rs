//! The calls of the module that are about no stream, and the system calls of WASI.

use std::time::Duration;

use wasmi::{Caller, Error, Val};

use super::memory::{hand_over, read, read_text, write};
use super::{BAD_ARGUMENT, HttpCall, NOT_FOUND, OK, State, UNIMPLEMENTED, stream_calls};
use crate::host::Headers;

/// Answers one call of the module: records it, then fails it or does what it asks. Returns the status.
pub(super) fn host_call(mut caller: Caller<State>, name: &str, arguments: &[Val]) -> Result<u32, Error> {
    if let Some(status) = caller.data_mut().record_call(name) {
        return Ok(status);
    }
    let arguments = numbers(arguments);
    match (name, arguments.as_slice()) {
        ("proxy_log", &[level, text, size]) => {
            let text = String::from_utf8_lossy(&read(&caller, text, size)).into_owned();
            caller.data_mut().log.push((level as u32, text));
        }
        ("proxy_get_current_time_nanoseconds", &[time]) => write_time(&mut caller, time),
        ("proxy_get_property", &[_, _, data, size]) => hand_over(&mut caller, b"test", data, size)?,
        ("proxy_set_effective_context", &[context]) => {
            return Ok(caller.data_mut().set_effective_context(context as u32));
        }
        ("proxy_set_tick_period_milliseconds", &[period]) => {
            caller.data_mut().set_tick_period(Duration::from_millis(period as u64));
        }
        ("proxy_get_shared_data", &[key, key_size, data, size, version]) => {
            let key = read(&caller, key, key_size);
            let Some((value, current)) = caller.data().process.shared_data(&key) else { return Ok(NOT_FOUND) };
            hand_over(&mut caller, &value, data, size)?;
            write(&mut caller, version, &current.to_le_bytes());
        }
        ("proxy_set_shared_data", &[key, key_size, value, size, version]) => {
            let (key, value) = (read(&caller, key, key_size), read(&caller, value, size));
            return Ok(caller.data().process.set_shared_data(key, value, version as u32));
        }
        ("proxy_http_call", &[_, _, _, _, _, _, _, _, _, _]) => return Ok(http_call(&mut caller, &arguments)),
        ("proxy_define_metric", &[kind, metric, size, id]) => {
            let metric = read_text(&caller, metric, size);
            match caller.data_mut().define_metric(kind as u32, metric) {
                Ok(new) => write(&mut caller, id, &new.to_le_bytes()),
                Err(status) => return Ok(status),
            }
        }
        ("proxy_increment_metric", &[id, amount]) => {
            return Ok(caller.data().increment_metric(id as u32, amount as i64));
        }
        ("proxy_record_metric", &[id, value]) => return Ok(caller.data().record_metric(id as u32, value as u64)),
        ("proxy_get_metric", &[id, value]) => match caller.data().metric(id as u32) {
            Some(current) => write(&mut caller, value, &current.to_le_bytes()),
            None => return Ok(NOT_FOUND),
        },
        (_, arguments) => return Ok(stream_calls::host_call(&mut caller, name, arguments)?.unwrap_or(UNIMPLEMENTED)),
    }
    Ok(OK)
}

/// Answers a system call. Those that the module could use have an effect, the others have none. Only that for random
/// bytes is recorded, and can fail.
pub(super) fn wasi_call(mut caller: Caller<State>, name: &str, arguments: &[Val]) -> u32 {
    match (name, numbers(arguments).as_slice()) {
        ("clock_time_get", &[_, _, time]) => write_time(&mut caller, time),
        ("random_get", &[start, size]) => {
            if let Some(status) = caller.data_mut().record_call(name) {
                return status;
            }
            let bytes = caller.data().process.random_bytes(size);
            write(&mut caller, start, &bytes);
        }
        _ => {}
    }
    OK
}

/// Headers as the module sends them. Envoy takes those that it can't read for none.
pub(super) fn read_headers(caller: &Caller<State>, start: usize, size: usize) -> Headers {
    let serialized = read(caller, start, size);
    let headers = jwt_auth::decode_header_map(&serialized).unwrap_or_default();
    headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect()
}

fn http_call(caller: &mut Caller<State>, arguments: &[usize]) -> u32 {
    let &[cluster, cluster_size, headers, headers_size, body, body_size, trailers, trailers_size, timeout, token] =
        arguments
    else {
        return UNIMPLEMENTED;
    };
    // A negative timeout.
    if timeout as u32 > i32::MAX as u32 {
        return BAD_ARGUMENT;
    }
    let call = HttpCall {
        token: 0,
        root: 0,
        cluster: read_text(caller, cluster, cluster_size),
        headers: read_headers(caller, headers, headers_size),
        body: read(caller, body, body_size),
        trailers: read_headers(caller, trailers, trailers_size),
        timeout: Duration::from_millis(timeout as u64),
        at: Duration::ZERO,
    };
    match caller.data_mut().http_call(call) {
        Ok(new) => {
            write(caller, token, &new.to_le_bytes());
            OK
        }
        Err(status) => status,
    }
}

fn write_time(caller: &mut Caller<State>, address: usize) {
    let nanoseconds = caller.data().process.clock().as_nanos() as u64;
    write(caller, address, &nanoseconds.to_le_bytes());
}

fn numbers(arguments: &[Val]) -> Vec<usize> {
    let number = |argument: &Val| match argument {
        Val::I32(number) => *number as u32 as usize,
        Val::I64(number) => *number as usize,
        other => panic!("{other:?}"),
    };
    arguments.iter().map(number).collect()
}
