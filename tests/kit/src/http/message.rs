use std::io;

use super::incoming::Incoming;

/// A header line: the name in lower case, the value without the spaces around it.
pub type Header = (String, Vec<u8>);

/// A response, with its body decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The three digits of the status line.
    pub status: u16,
    /// All header lines, in the order received.
    pub headers: Vec<Header>,
    /// The body; empty for the response to a `HEAD`.
    pub body: Vec<u8>,
    /// The trailers of HTTP/2; empty for HTTP/1.1.
    pub trailers: Vec<Header>,
}

impl Response {
    /// The value of the first header called `name` (in lower case).
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        header_values(&self.headers, name).first().copied()
    }

    /// The body as text, with U+FFFD for bytes that are not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The request that [`crate::upstream::Upstream`] received: it responds with the bytes of the request.
    ///
    /// # Errors
    /// When the body is not a request, for example because the response came from the filter.
    pub fn echoed(&self) -> io::Result<Request> {
        Request::parse(&self.body)
    }
}

/// A request as a server receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The bytes between the first and the last space of the request line.
    pub target: Vec<u8>,
    /// All header lines, in the order received.
    pub headers: Vec<Header>,
    /// The decoded body.
    pub body: Vec<u8>,
}

impl Request {
    /// Parses the request at the start of `bytes` and ignores the rest.
    ///
    /// # Errors
    /// When the bytes are not a complete HTTP/1.1 request.
    pub fn parse(bytes: &[u8]) -> io::Result<Self> {
        match Incoming::new(bytes).request()? {
            Some((_, request)) => Ok(request),
            None => Err(malformed("no request in no bytes")),
        }
    }

    /// The value of the first header called `name` (in lower case).
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.header_values(name).first().copied()
    }

    /// The value of each header called `name` (in lower case), in order.
    pub fn header_values(&self, name: &str) -> Vec<&[u8]> {
        header_values(&self.headers, name)
    }
}

pub(super) fn header_values<'a>(headers: &'a [Header], name: &str) -> Vec<&'a [u8]> {
    let matching = headers.iter().filter(|(other, _)| other == name);
    matching.map(|(_, value)| value.as_slice()).collect()
}

pub(super) fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
