//! HTTP/1.1 byte by byte: requests are sent exactly as built, whether or not they are valid.

mod client;
mod incoming;
mod message;

pub(crate) use client::Stream;
pub use client::{Address, Connection, exchange};
pub(crate) use incoming::Incoming;
pub use message::{Header, Request, Response};

/// Builds the bytes of a request. Everything is sent exactly as given and in order. Only [`Self::body`] and
/// [`Self::chunked`] add a header.
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    head: Vec<u8>,
    body: Vec<u8>,
}

impl RequestBuilder {
    /// The request line `method target HTTP/1.1`, without the `host` header that Envoy requires.
    pub fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        let head = [method.as_bytes(), b" ", target.as_ref(), b" HTTP/1.1\r\n"].concat();
        Self { head, body: Vec::new() }
    }

    /// A `GET` of `target` with `host: test`.
    pub fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target).header("host", "test")
    }

    /// A `POST` to `target` with `host: test`.
    pub fn post(target: impl AsRef<[u8]>) -> Self {
        Self::new("POST", target).header("host", "test")
    }

    /// Adds a header line at the end.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        for part in [name.as_ref(), b": ", value.as_ref(), b"\r\n"] {
            self.head.extend_from_slice(part);
        }
        self
    }

    /// Adds `content-length` and this body.
    pub fn body(self, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        self.header("content-length", body.len().to_string()).raw_body(body)
    }

    /// Adds `transfer-encoding: chunked` and these chunks. None may be empty, because an empty chunk ends the body.
    pub fn chunked(self, chunks: &[&[u8]]) -> Self {
        let mut body = Vec::new();
        for chunk in chunks {
            body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        self.header("transfer-encoding", "chunked").raw_body(body)
    }

    /// Adds these bytes after the head, without a header for their length.
    pub fn raw_body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// The bytes to send.
    pub fn build(&self) -> Vec<u8> {
        [self.head.as_slice(), b"\r\n", &self.body].concat()
    }
}
