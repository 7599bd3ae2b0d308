use std::collections::HashSet;

/// The first bytes of a client of HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// The length of the head of a frame (RFC 9113, section 4.1).
const HEAD: usize = 9;

/// The type of a HEADERS frame. A response has one or, with trailers, two.
const HEADERS: u8 = 1;

/// Finds where answers begin in what a server sends on one connection.
#[derive(Default)]
pub(super) struct Answers {
    /// `None` before the client has sent anything.
    is_http2: Option<bool>,
    /// Whether the client has sent something since the last answer. Not for HTTP/2.
    is_awaited: bool,
    frames: Frames,
}

#[derive(Default)]
struct Frames {
    /// The part received so far of the head of the next frame.
    head: Vec<u8>,
    /// How many bytes of the frame after its head are still to come.
    rest: usize,
    /// The streams whose answer has begun.
    begun: HashSet<u32>,
}

impl Answers {
    /// Takes bytes from the client.
    pub(super) fn request(&mut self, bytes: &[u8]) {
        self.is_http2.get_or_insert_with(|| bytes.starts_with(PREFACE));
        self.is_awaited = true;
    }

    /// Takes bytes from the server. Returns the indexes in them where an answer begins.
    pub(super) fn response(&mut self, bytes: &[u8]) -> Vec<usize> {
        if self.is_http2 == Some(true) {
            return self.frames.take(bytes);
        }
        if std::mem::take(&mut self.is_awaited) { vec![0] } else { Vec::new() }
    }
}

impl Frames {
    fn take(&mut self, bytes: &[u8]) -> Vec<usize> {
        let mut begins = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            if self.rest > 0 {
                let skipped = self.rest.min(bytes.len() - at);
                self.rest -= skipped;
                at += skipped;
                continue;
            }
            self.head.push(bytes[at]);
            at += 1;
            if let [l1, l2, l3, kind, _, s1, s2, s3, s4] = self.head[..] {
                self.head.clear();
                self.rest = u32::from_be_bytes([0, l1, l2, l3]) as usize;
                if kind == HEADERS && self.begun.insert(u32::from_be_bytes([s1, s2, s3, s4])) {
                    // The head may have begun in earlier bytes.
                    begins.push(at.saturating_sub(HEAD));
                }
            }
        }
        begins
    }
}
