use std::io::{self, Read};

use super::message::{Header, Request, Response, header_values, malformed};

/// More than any test sends. A longer head is an error, so that it can't fill the memory.
const MAX_HEAD: usize = 16 << 20;

/// Reads messages one after another and keeps bytes of the next one.
pub(crate) struct Incoming<R> {
    source: R,
    unread: Vec<u8>,
}

impl<R: Read> Incoming<R> {
    pub(crate) fn new(source: R) -> Self {
        let unread = Vec::new();
        Self { source, unread }
    }

    pub(crate) fn source(&mut self) -> &mut R {
        &mut self.source
    }

    /// The exact bytes of the next request, and the parsed request. `None` if the peer closed before it.
    pub(crate) fn request(&mut self) -> io::Result<Option<(Vec<u8>, Request)>> {
        let Some(mut raw) = self.head()? else {
            return Ok(None);
        };
        let (line, headers) = parse_head(&raw)?;
        let first = line.iter().position(|&byte| byte == b' ');
        let last = line.iter().rposition(|&byte| byte == b' ');
        let (Some(first), Some(last)) = (first, last) else {
            return Err(malformed("a request line without spaces"));
        };
        if first == last {
            return Err(malformed("a request line with one space"));
        }
        let method = String::from_utf8_lossy(&line[..first]).into_owned();
        let target = line[first + 1..last].to_vec();

        let (raw_body, body) = match framing(&headers)? {
            Some(framing) => self.body(framing)?,
            None => (Vec::new(), Vec::new()),
        };
        raw.extend(raw_body);
        let request = Request { method, target, headers, body };
        Ok(Some((raw, request)))
    }

    /// The next final response. Informational ones (1xx except 101) are skipped.
    pub(crate) fn response(&mut self, to_head: bool) -> io::Result<Response> {
        loop {
            let raw = self.head()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let (line, headers) = parse_head(&raw)?;
            let status = line.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
            let status = str::from_utf8(status).ok().and_then(|digits| digits.parse().ok());
            let status: u16 = status.ok_or_else(|| malformed("a status line without a status"))?;
            if matches!(status, 100 | 102..=199) {
                continue;
            }
            let body = if to_head || matches!(status, 101 | 204 | 304) {
                Vec::new()
            } else {
                let framing = framing(&headers)?.unwrap_or(Framing::UntilClose);
                let (_, body) = self.body(framing)?;
                body
            };
            return Ok(Response { status, headers, body, trailers: Vec::new() });
        }
    }

    /// A head, including the empty line at its end.
    fn head(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0_usize;
        loop {
            if let Some(end) = find(&self.unread[searched..], b"\r\n\r\n") {
                return Ok(Some(self.unread.drain(..searched + end + 4).collect()));
            }
            searched = self.unread.len().saturating_sub(3);
            if searched > MAX_HEAD {
                return Err(malformed("a head without end"));
            }
            if !self.fill()? {
                return match self.unread.is_empty() {
                    true => Ok(None),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }

    /// A body as received, and decoded.
    fn body(&mut self, framing: Framing) -> io::Result<(Vec<u8>, Vec<u8>)> {
        match framing {
            Framing::Length(length) => {
                let body = self.take(length)?;
                Ok((body.clone(), body))
            }
            Framing::UntilClose => {
                while self.fill()? {}
                let body = std::mem::take(&mut self.unread);
                Ok((body.clone(), body))
            }
            Framing::Chunked => self.chunks(),
        }
    }

    fn chunks(&mut self) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let (mut raw, mut body) = (Vec::new(), Vec::new());
        loop {
            let line = self.line()?;
            let digits = line.split(|byte| !byte.is_ascii_hexdigit()).next().unwrap_or_default();
            let size = str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
            let size = size.ok_or_else(|| malformed("a chunk without a size"))?;
            raw.extend(line);
            if size == 0 {
                break;
            }
            let chunk = self.take(size)?;
            raw.extend_from_slice(&chunk);
            body.extend(chunk);
            raw.extend(self.line()?);
        }
        loop {
            let trailer = self.line()?;
            raw.extend_from_slice(&trailer);
            if trailer == b"\r\n" {
                return Ok((raw, body));
            }
        }
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < length {
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.unread.drain(..length).collect())
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = find(&self.unread, b"\r\n") {
                return Ok(self.unread.drain(..end + 2).collect());
            }
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// False at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 << 10];
        loop {
            match self.source.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(length) => {
                    self.unread.extend_from_slice(&buffer[..length]);
                    return Ok(length > 0);
                }
            }
        }
    }
}

enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

fn framing(headers: &[Header]) -> io::Result<Option<Framing>> {
    if let Some(coding) = header_values(headers, "transfer-encoding").last() {
        return match coding.to_ascii_lowercase().ends_with(b"chunked") {
            true => Ok(Some(Framing::Chunked)),
            false => Err(malformed("a transfer coding that does not end in chunked")),
        };
    }
    let Some(length) = header_values(headers, "content-length").first().copied() else {
        return Ok(None);
    };
    let length = str::from_utf8(length).ok().and_then(|digits| digits.parse().ok());
    let length = length.ok_or_else(|| malformed("a content-length that is no number"))?;
    Ok(Some(Framing::Length(length)))
}

/// The first line and the headers of a head.
fn parse_head(raw: &[u8]) -> io::Result<(&[u8], Vec<Header>)> {
    let end = find(raw, b"\r\n").ok_or_else(|| malformed("a head without lines"))?;
    let (first, mut rest) = (&raw[..end], &raw[end + 2..]);
    let mut headers = Vec::new();
    while let Some(end) = find(rest, b"\r\n").filter(|&end| end > 0) {
        let line = &rest[..end];
        rest = &rest[end + 2..];
        let colon = line.iter().position(|&byte| byte == b':');
        let colon = colon.ok_or_else(|| malformed("a header line without a colon"))?;
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
        headers.push((name, line[colon + 1..].trim_ascii().to_vec()));
    }
    Ok((first, headers))
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
