use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::gate::Gate;

/// The size of the chunks of a body, and of the pieces in which any body is written.
const PIECE: usize = 16 << 10;

/// What a path of a [`super::KeyServer`] answers: a status, headers and a body, and what goes wrong on the way.
///
/// ```
/// # use std::time::Duration;
/// # use kit::key_server::{Answer, Place};
/// # use serde_json::json;
/// let keys = json!({"keys": []});
/// let slow = Answer::json(&keys).header("cache-control", "max-age=60").wait(Place::BeforeHead, Duration::from_secs(2));
/// let too_large = Answer::json(&keys).padded_to(40 << 20).chunked();
/// let broken = Answer::json(&keys).close(Place::InBody);
/// let redirect = Answer::new(302).header("location", "/elsewhere");
/// let garbage = Answer::raw("\u{1}\u{2}\u{3}");
/// ```
#[derive(Clone, Debug)]
pub struct Answer {
    head: Head,
    body: Vec<u8>,
    /// The length of the body with the spaces at its end.
    length: usize,
    endless: bool,
    framing: Framing,
    gate: Option<Gate>,
    waits: Vec<(Place, Duration)>,
    close: Option<Place>,
}

/// A place in an answer where something can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before the first byte.
    BeforeHead,
    /// After half of the bytes of the head.
    InHead,
    /// After half of the bytes of the body. If it has none: after the head.
    InBody,
}

#[derive(Clone, Debug)]
enum Head {
    /// Status and header lines.
    Http(u16, Vec<u8>),
    Raw(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length,
    Chunked,
    UntilClose,
}

impl Answer {
    /// This status, without a body and without headers of its own. By default the server adds `content-length`, and
    /// keeps the connection open.
    pub fn new(status: u16) -> Self {
        Self::with_head(Head::Http(status, Vec::new()))
    }

    /// 200 with `content-type: application/json` and this body.
    pub fn json(body: &Value) -> Self {
        Self::new(200).header("content-type", "application/json").body(body.to_string())
    }

    /// These bytes, which may be no HTTP at all. Then the connection is closed.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self::with_head(Head::Raw(bytes.as_ref().to_vec())).until_close()
    }

    fn with_head(head: Head) -> Self {
        let (body, waits) = (Vec::new(), Vec::new());
        Self { head, body, length: 0, endless: false, framing: Framing::Length, gate: None, waits, close: None }
    }

    /// Adds a header line at the end, exactly as given. [`Self::raw`] has none.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        if let Head::Http(_, lines) = &mut self.head {
            for part in [name.as_ref(), b": ", value.as_ref(), b"\r\n"] {
                lines.extend_from_slice(part);
            }
        }
        self
    }

    /// Sets the body. Statuses 204 and 304 are sent without it.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self.length = self.length.max(self.body.len());
        self
    }

    /// Adds spaces at the end of the body until it has `length` bytes. JSON stays the same JSON.
    pub fn padded_to(self, length: usize) -> Self {
        Self { length: self.length.max(length), ..self }
    }

    /// Adds spaces at the end of the body for ever, in chunks unless [`Self::until_close`] follows.
    pub fn endless(self) -> Self {
        Self { endless: true, ..self }.chunked()
    }

    /// Sends the body with `transfer-encoding: chunked`, in chunks of 16 KiB.
    pub fn chunked(self) -> Self {
        Self { framing: Framing::Chunked, ..self }
    }

    /// Sends the body without its length, with `connection: close`. The body ends when the connection is closed.
    pub fn until_close(self) -> Self {
        Self { framing: Framing::UntilClose, ..self }
    }

    /// Sends nothing until the gate is open.
    pub fn behind(self, gate: &Gate) -> Self {
        Self { gate: Some(gate.clone()), ..self }
    }

    /// Pauses for `time` there.
    pub fn wait(mut self, place: Place, time: Duration) -> Self {
        self.waits.push((place, time));
        self
    }

    /// Closes the connection there. What should follow is not sent.
    pub fn close(self, place: Place) -> Self {
        Self { close: Some(place), ..self }
    }

    /// Sends the answer. Returns whether the connection stays open.
    pub(super) fn send(&self, mut stream: impl Write) -> io::Result<bool> {
        let (head, has_body) = self.head();
        let length = if has_body { self.length } else { 0 };
        let (head_start, head_end) = head.split_at(head.len() / 2);

        if let Some(gate) = &self.gate {
            gate.wait();
        }
        if !self.pass(Place::BeforeHead) {
            return Ok(false);
        }
        stream.write_all(head_start)?;
        if !self.pass(Place::InHead) {
            return Ok(false);
        }
        stream.write_all(head_end)?;
        self.send_body(&mut stream, 0, length / 2)?;
        if !self.pass(Place::InBody) {
            return Ok(false);
        }
        self.send_body(&mut stream, length / 2, length)?;
        if self.endless && has_body {
            loop {
                self.send_piece(&mut stream, &[b' '; PIECE])?;
            }
        }
        if self.framing == Framing::Chunked && has_body {
            stream.write_all(b"0\r\n\r\n")?;
        }
        Ok(self.framing != Framing::UntilClose)
    }

    /// The bytes of the head, and whether a body may follow it.
    fn head(&self) -> (Vec<u8>, bool) {
        let (status, lines) = match &self.head {
            Head::Http(status, lines) => (*status, lines),
            Head::Raw(bytes) => return (bytes.clone(), true),
        };
        let has_body = !matches!(status, 204 | 304);
        let framing = match self.framing {
            Framing::UntilClose => "connection: close\r\n".to_owned(),
            _ if !has_body => String::new(),
            Framing::Length => format!("content-length: {}\r\n", self.length),
            Framing::Chunked => "transfer-encoding: chunked\r\n".to_owned(),
        };
        let first = format!("HTTP/1.1 {status} \r\n");
        ([first.as_bytes(), lines, framing.as_bytes(), b"\r\n"].concat(), has_body)
    }

    /// Pauses as told, and returns whether the answer goes on.
    fn pass(&self, place: Place) -> bool {
        let here = self.waits.iter().filter(|(other, _)| *other == place);
        thread::sleep(here.map(|(_, time)| *time).sum());
        self.close != Some(place)
    }

    /// Sends the bytes of the body from `from` up to `to`.
    fn send_body(&self, stream: &mut impl Write, mut from: usize, to: usize) -> io::Result<()> {
        while from < to {
            let end = to.min(from + PIECE);
            let written = self.body.get(from..end.min(self.body.len())).unwrap_or_default();
            let mut piece = written.to_vec();
            piece.resize(end - from, b' ');
            self.send_piece(stream, &piece)?;
            from = end;
        }
        Ok(())
    }

    fn send_piece(&self, stream: &mut impl Write, piece: &[u8]) -> io::Result<()> {
        if self.framing == Framing::Chunked {
            let size = format!("{:x}\r\n", piece.len());
            return stream.write_all(&[size.as_bytes(), piece, b"\r\n"].concat());
        }
        stream.write_all(piece)
    }
}
