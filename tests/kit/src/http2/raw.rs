//! HTTP/2 frames byte by byte, for requests that no client should send.

use std::io::{self, Read as _, Write as _};

use super::client::replay;
use crate::http::{Address, Response, Stream};

/// The first bytes of a client, before its SETTINGS.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The frame type DATA.
pub const DATA: u8 = 0;
/// The frame type HEADERS.
pub const HEADERS: u8 = 1;
/// The frame type RST_STREAM.
pub const RST_STREAM: u8 = 3;
/// The frame type SETTINGS.
pub const SETTINGS: u8 = 4;
/// The frame type GOAWAY.
pub const GOAWAY: u8 = 7;
/// The frame type CONTINUATION.
pub const CONTINUATION: u8 = 9;

/// The flag END_STREAM of DATA and HEADERS.
pub const END_STREAM: u8 = 1;
/// The flag END_HEADERS of HEADERS and CONTINUATION.
pub const END_HEADERS: u8 = 4;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The type, such as [`DATA`].
    pub kind: u8,
    /// The flags.
    pub flags: u8,
    /// The stream; 0 for the connection.
    pub stream: u32,
    /// The bytes after the nine bytes of the frame header.
    pub payload: Vec<u8>,
}

/// The bytes of a frame, whether or not it is valid.
///
/// # Panics
/// When the payload has 16 MiB or more: a frame can't have that length.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 1 << 24, "the payload is too long for a frame");
    let length = &payload.len().to_be_bytes()[size_of::<usize>() - 3..];
    [length, &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The complete frames at the start of `bytes`.
pub fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((&[high, middle, low, kind, flags, a, b, c, d], rest)) = bytes.split_first_chunk() {
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        let stream = u32::from_be_bytes([a, b, c, d]) & !(1 << 31);
        frames.push(Frame { kind, flags, stream, payload: payload.to_vec() });
        bytes = rest;
    }
    frames
}

/// A header block, the payload of HEADERS. Each header, also a pseudo-header, is a literal without indexing and without
/// Huffman code, with exactly these bytes.
pub fn literal_headers(headers: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for part in [name, value] {
            // An integer with a 7-bit prefix. The 8th bit would mean Huffman code.
            match u8::try_from(part.len()) {
                Ok(length @ ..127) => block.push(length),
                _ => {
                    let mut rest = part.len() - 127;
                    block.push(127);
                    while rest > 127 {
                        block.push(rest as u8 | 128);
                        rest >>= 7;
                    }
                    block.push(rest as u8);
                }
            }
            block.extend_from_slice(part);
        }
    }
    block
}

/// Sends the preface with empty SETTINGS, and then these bytes, over a new connection. Returns all bytes received until
/// the server ends stream 1 or the connection, or sends nothing for 10 s. It acknowledges nothing and does not enlarge
/// the window, so a response can have at most 64 KiB.
///
/// # Errors
/// When the server can't be reached.
pub fn exchange(address: &Address, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = Stream::open(address)?;
    // A server that has already closed may have sent the reason before.
    let _ = stream.write_all(&[PREFACE, frame(SETTINGS, 0, 0, &[]).as_slice(), bytes].concat());
    let mut received = Vec::new();
    let mut buffer = [0; 16 << 10];
    while !frames(&received).iter().any(ends_stream_1) {
        match stream.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
            Ok(length) => received.extend_from_slice(&buffer[..length]),
        }
    }
    Ok(received)
}

/// The response on stream 1 in the bytes from [`exchange`], read as the response to a `GET`.
///
/// # Errors
/// When the response is not complete. Either the server reset the stream or sent GOAWAY
/// ([`io::ErrorKind::ConnectionReset`]), or it sent nothing more and maybe closed, as Envoy does after invalid headers
/// ([`io::ErrorKind::BrokenPipe`]).
pub fn response(received: &[u8]) -> io::Result<Response> {
    replay(received.to_vec())
}

fn ends_stream_1(frame: &Frame) -> bool {
    let last = match frame.kind {
        DATA => END_STREAM,
        HEADERS => END_STREAM | END_HEADERS,
        RST_STREAM => 0,
        _ => return false,
    };
    frame.stream == 1 && frame.flags & last == last
}
