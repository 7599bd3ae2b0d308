use std::io;

use super::incoming::Incoming;

/// A header line: the name in lower case, the value without the spaces around it.
pub type Header = (String, Vec<u8>);

/// An answer, its body out of the transfer coding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The three digits of the status line.
    pub status: u16,
    /// Every header line in the order received.
    pub headers: Vec<Header>,
    /// The body; empty for the answer to a `HEAD`.
    pub body: Vec<u8>,
    /// What came after the body over HTTP/2; nothing over HTTP/1.1.
    pub trailers: Vec<Header>,
}

impl Response {
    /// The value of the first header called `name` (in lower case).
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        header_values(&self.headers, name).first().copied()
    }

    /// The body as text, with U+FFFD for what is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The request that [`crate::upstream::Upstream`] saw: it answers with the bytes it got.
    ///
    /// # Errors
    /// When the body is no request, for example because the filter and not the upstream gave this answer.
    pub fn echoed(&self) -> io::Result<Request> {
        Request::parse(&self.body)
    }
}

/// A request as a server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The bytes between the first and the last space of the request line.
    pub target: Vec<u8>,
    /// Every header line in the order received.
    pub headers: Vec<Header>,
    /// The body out of the transfer coding.
    pub body: Vec<u8>,
}

impl Request {
    /// The request at the start of `bytes`; what follows it is not looked at.
    ///
    /// # Errors
    /// When the bytes are no whole HTTP/1.1 request.
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
