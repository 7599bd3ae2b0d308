//! Requests whose bytes are sent in two parts: one before the keys are there, one after the decision.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use kit::http::{Address, Connection, RequestBuilder, Response};
use kit::http2::raw;
use kit::key_server::Gate;

/// A request.
pub(crate) struct Staged {
    pub(crate) name: String,
    protocol: Protocol,
    /// What is sent at once.
    early: Vec<u8>,
    /// What is sent after the decision.
    late: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// A part of an HTTP/2 request on stream 1.
pub(crate) enum Part<'a> {
    Data(&'a [u8]),
    /// With END_STREAM.
    LastData(&'a [u8]),
    /// With END_STREAM.
    Trailers(&'a [(&'a [u8], &'a [u8])]),
}

impl Staged {
    /// An HTTP/1 request of which the last `late` bytes are sent late.
    pub(crate) fn http1(name: String, request: &RequestBuilder, late: usize) -> Self {
        let mut early = request.build();
        let late = early.split_off(early.len() - late);
        Self { name, protocol: Protocol::Http1, early, late }
    }

    /// An HTTP/2 request. Without any part, HEADERS has END_STREAM.
    pub(crate) fn http2(name: String, method: &str, headers: &[(&str, &str)], early: &[Part], late: &[Part]) -> Self {
        let path = format!("/{name}");
        let first = [(":method", method), (":scheme", "http"), (":authority", "test"), (":path", path.as_str())];
        let all: Vec<_> =
            first.iter().chain(headers).map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let is_whole = early.is_empty() && late.is_empty();
        let flags = raw::END_HEADERS | if is_whole { raw::END_STREAM } else { 0 };
        let head = raw::frame(raw::HEADERS, flags, 1, &raw::literal_headers(&all));
        let start = [raw::PREFACE, &raw::frame(raw::SETTINGS, 0, 0, &[]), &head].concat();
        Self { name, protocol: Protocol::Http2, early: [start, frames(early)].concat(), late: frames(late) }
    }

    /// Sends the request over a new connection, its late part when the gate opens, and returns the response.
    pub(crate) fn exchange(&self, address: &Address, decided: &Gate) -> io::Result<Response> {
        match self.protocol {
            Protocol::Http1 => {
                let mut connection = Connection::open(address)?;
                // Envoy may respond before it has read the whole request, and then stop reading.
                let _ = connection.send(&self.early);
                if !self.late.is_empty() {
                    decided.wait();
                    let _ = connection.send_more(&self.late);
                }
                connection.receive()
            }
            Protocol::Http2 => {
                let mut stream = open(address)?;
                stream.write_all(&self.early)?;
                if !self.late.is_empty() {
                    decided.wait();
                    let _ = stream.write_all(&self.late);
                }
                raw::response(&read_stream_1(stream)?)
            }
        }
    }
}

/// Opens a connection to a Unix socket.
pub(crate) fn open(address: &Address) -> io::Result<UnixStream> {
    let Address::Unix(path) = address else { panic!("the kit's listeners have Unix sockets") };
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    Ok(stream)
}

/// The bytes that come until stream 1 ends.
fn read_stream_1(mut stream: UnixStream) -> io::Result<Vec<u8>> {
    let mut received = Vec::new();
    let mut buffer = [0; 16 << 10];
    let is_over = |frame: &raw::Frame| {
        let ends = matches!(frame.kind, raw::DATA | raw::HEADERS) && frame.flags & raw::END_STREAM != 0;
        frame.stream == 1 && (ends || frame.kind == raw::RST_STREAM)
    };
    while !raw::frames(&received).iter().any(is_over) {
        match stream.read(&mut buffer)? {
            0 => break,
            length => received.extend_from_slice(&buffer[..length]),
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
    Ok(received)
}

fn frames(parts: &[Part]) -> Vec<u8> {
    let bytes = parts.iter().map(|part| match part {
        Part::Data(data) => raw::frame(raw::DATA, 0, 1, data),
        Part::LastData(data) => raw::frame(raw::DATA, raw::END_STREAM, 1, data),
        Part::Trailers(trailers) => {
            raw::frame(raw::HEADERS, raw::END_HEADERS | raw::END_STREAM, 1, &raw::literal_headers(trailers))
        }
    });
    bytes.collect::<Vec<_>>().concat()
}
