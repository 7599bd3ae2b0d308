use std::io;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Uri};

use crate::http::Header;

/// A request with `:scheme` http. It is sent unchanged, without additions. If that is not possible, sending fails with
/// [`io::ErrorKind::InvalidInput`]; use [`super::raw`] in this case. This happens for
///
/// - the method `CONNECT`, and a method that is not an HTTP token;
/// - a path that is empty, begins neither with `/` nor `?` (`*` alone is allowed), or has control characters, spaces,
///   `#`, `<`, `>`, a backtick before the query, a `"` in the query, or bytes that are not UTF-8;
/// - an authority that is not valid by RFC 3986;
/// - a header name that is not an HTTP token in lower case, such as a pseudo-header;
/// - a header value with control characters other than the tab (bytes from 0x80 on are allowed);
/// - connection headers: `connection`, `keep-alive`, `proxy-connection`, `transfer-encoding`, `upgrade`, and `te`
///   unless its value is `trailers`.
///
/// Headers with the same name are sent together, at the position of the first one. Otherwise the order is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `:method`.
    pub method: String,
    /// `:path`, the query included.
    pub path: Vec<u8>,
    /// `:authority`; not sent if empty.
    pub authority: String,
    /// The headers, names in lower case.
    pub headers: Vec<Header>,
    /// The body and trailers.
    pub body: Body,
}

/// How a request ends. Each element of the data is sent as its own DATA frame, if the server's frame size and window
/// allow. No `content-length` is added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// END_STREAM on HEADERS.
    None,
    /// HEADERS without END_STREAM, then an empty DATA frame with it.
    EmptyData,
    /// The last frame has END_STREAM. Without any element it is [`Self::EmptyData`].
    Data(Vec<Vec<u8>>),
    /// DATA frames without END_STREAM (or none), then these trailers with it.
    DataThenTrailers(Vec<Vec<u8>>, Vec<Header>),
}

impl Request {
    /// A request to the authority `test` without headers and body.
    pub fn new(method: &str, path: impl AsRef<[u8]>) -> Self {
        let (path, authority) = (path.as_ref().to_vec(), "test".to_owned());
        Self { method: method.to_owned(), path, authority, headers: Vec::new(), body: Body::None }
    }

    /// A `GET` of `path` from the authority `test`.
    pub fn get(path: impl AsRef<[u8]>) -> Self {
        Self::new("GET", path)
    }

    /// A `POST` to `path` of the authority `test`.
    pub fn post(path: impl AsRef<[u8]>) -> Self {
        Self::new("POST", path)
    }

    /// Adds a header at the end.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Replaces the body.
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// The headers, with the pseudo-headers.
    pub(super) fn head(&self) -> io::Result<http::Request<()>> {
        let method = Method::from_bytes(self.method.as_bytes()).ok().filter(|method| *method != Method::CONNECT);
        let path =
            PathAndQuery::try_from(self.path.as_slice()).ok().filter(|path| path.as_str().as_bytes() == self.path);
        let mut uri = http::uri::Parts::default();
        uri.path_and_query = Some(path.ok_or_else(|| refused("path", &self.path))?);
        // Without an authority, h2 requires a URI without a scheme and adds `http` itself.
        if !self.authority.is_empty() {
            let authority = Authority::try_from(self.authority.as_str());
            uri.authority = Some(authority.map_err(|_| refused("authority", self.authority.as_bytes()))?);
            uri.scheme = Some(Scheme::HTTP);
        }
        let mut request = http::Request::new(());
        *request.method_mut() = method.ok_or_else(|| refused("method", self.method.as_bytes()))?;
        *request.uri_mut() = Uri::from_parts(uri).map_err(|_| refused("path", &self.path))?;
        *request.headers_mut() = map(&self.headers)?;
        Ok(request)
    }
}

impl Body {
    /// The DATA frames, and the trailers if any.
    pub(super) fn frames(self) -> io::Result<(Vec<Bytes>, Option<HeaderMap>)> {
        let (data, trailers) = match self {
            Self::None => (Vec::new(), None),
            Self::Data(data) if !data.is_empty() => (data, None),
            Self::EmptyData | Self::Data(_) => (vec![Vec::new()], None),
            Self::DataThenTrailers(data, trailers) => (data, Some(map(&trailers)?)),
        };
        Ok((data.into_iter().map(Bytes::from).collect(), trailers))
    }
}

pub(super) fn map(headers: &[Header]) -> io::Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let valid = HeaderName::from_lowercase(name.as_bytes()).map_err(|_| refused("header name", name.as_bytes()))?;
        let value = HeaderValue::from_bytes(value).map_err(|_| refused("header value", value))?;
        map.try_append(valid, value).map_err(|_| refused("header, one too many:", name.as_bytes()))?;
    }
    Ok(map)
}

/// The headers in the test kit's own type.
pub(super) fn list(map: &HeaderMap) -> Vec<Header> {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn refused(what: &str, bytes: &[u8]) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("h2 does not send the {what} \"{}\"", bytes.escape_ascii()))
}
