//! The parameters of a query or a form, and which of them some backend would read under a given name.
//!
//! Parsers of queries and forms differ. A client could send a parameter under a name that the filter does not recognise
//! and the backend does. So a parameter belongs to a name if any parser in this table reads it under that name.
//!
//! Most parsers percent-decode names and read `+` as a space. In addition, as the name `userId` or `user_id`:
//!
//! | parser | accepts |
//! |---|---|
//! | PHP | leading spaces; a zero byte and anything after it; ` `, `.` or `[` instead of `_`; members, `userId[x]` |
//! | Rack 2 | leading brackets; a trailing `]` and anything after it; members, even with an unclosed bracket |
//! | qs | `[userId]`; members; with `allowDots` also `.userId` and `userId.x` |
//! | `URLSearchParams`, qs with `ignoreQueryPrefix` | a `?` before the first parameter |
//! | Rack 2, Bottle, Go before 1.17 | `;` as a separator; in Rack also spaces after a `;` or `&` |
//! | formidable | bytes whose eighth bit it ignores: 0xBD is `=`, 0xA6 is `&` |
//! | percent-decoding alone (RFC 3986) | `+` as a plus sign |
//!
//! `tests/readers` compares this module with the parsers themselves.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr3};
use percent_encoding::percent_decode;

mod name;

use name::{Decoded, Name, Reading, fold, is_junk};

/// The longest parameter name that can be configured, in bytes. Real names have about ten. Each byte costs a node of
/// the trie, so 256 of the longest names need a few megabytes.
pub(crate) const MAX_NAME_BYTES: usize = 256;

/// A set of parameter names. One pass over a text finds the parameters of all of them, in any spelling.
///
/// The names are in a trie, without the leading characters that some parser ignores, and with one character for those
/// that PHP treats as equal. The trie gives the few names that a parameter could have; [`Name::is_read_in`] then
/// decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParameterNames {
    nodes: Vec<Node>,
    /// Whether a name contains `+`. Only then can [`Reading::Uri`] make a difference.
    has_plus: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    next: Vec<(u8, usize)>,
    names: Vec<Name>,
}

impl ParameterNames {
    pub(crate) fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut all = Self { nodes: vec![Node::default()], has_plus: false };
        for name in names {
            all.has_plus |= name.contains('+');
            all.insert(Name::new(name));
        }
        all
    }

    fn insert(&mut self, name: Name) {
        for key in name.keys() {
            let mut at = 0;
            for byte in key {
                at = self.child(at, byte).unwrap_or_else(|| {
                    let new = self.nodes.len();
                    self.nodes.push(Node::default());
                    if let Some(node) = self.nodes.get_mut(at) {
                        node.next.push((byte, new));
                    }
                    new
                });
            }
            if let Some(node) = self.nodes.get_mut(at) {
                node.names.push(name.clone());
            }
        }
    }

    fn child(&self, node: usize, byte: u8) -> Option<usize> {
        self.nodes.get(node)?.next.iter().find(|(other, _)| *other == byte).map(|&(_, child)| child)
    }

    /// The decoded values of the parameters that some parser reads under one of the names.
    ///
    /// A value ends only at `&`. Parsers that separate at `;` read a shorter one; with the `;` kept, it is not a valid
    /// token.
    pub(crate) fn values_in<'a>(&'a self, encoded: &'a [u8]) -> impl Iterator<Item = Cow<'a, [u8]>> {
        self.find_in(encoded).map(|found| {
            let text = encoded.get(found.start..).unwrap_or_default();
            let text = text.split(|&byte| byte == b'&').next().unwrap_or_default();
            decode(text.splitn(2, |&byte| byte == b'=').nth(1).unwrap_or_default())
        })
    }

    /// The text without the parameters that some parser reads under one of the names, and with the parameters `added`
    /// at its end. All other parameters keep their bytes and their order. `None` when no parameter is left.
    pub(crate) fn edited(&self, encoded: Option<&[u8]>, added: &[Vec<u8>]) -> Option<Vec<u8>> {
        let text = encoded.unwrap_or_default();
        let more = added.iter().map(Vec::len).fold(added.len(), usize::saturating_add);
        let mut kept = Kept { text: Vec::with_capacity(text.len().saturating_add(more)), is_none: true };
        let mut run = Some(0);
        for found in self.find_in(text) {
            kept.push_before(text, run, found.start);
            run = found.end.checked_add(1).filter(|start| *start <= text.len());
        }
        // An empty text is one empty parameter. Keeping it would put a `&` before the added ones.
        if run != Some(0) || !text.is_empty() || (added.is_empty() && encoded.is_some()) {
            kept.push_before(text, run, text.len().saturating_add(1));
        }
        added.iter().for_each(|parameter| kept.push(parameter));
        (!kept.is_none).then_some(kept.text)
    }

    fn find_in<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Range<usize>> {
        let (mut next, mut is_first) = (Some(0), true);
        let readings = self.readings(text);
        std::iter::from_fn(move || {
            loop {
                let start = next?;
                let rest = text.get(start..)?;
                let mut decoded = readings.iter().map(|&reading| Decoded::new(rest, reading));
                let name = decoded.find(|name| self.has(name, is_first));
                let name_end = name.map(Decoded::encoded_length);
                let end = separator_after(rest, name_end.unwrap_or(0)).map(|length| start.saturating_add(length));
                next = end.map(|end| end.saturating_add(1));
                if name_end.is_some() {
                    return Some(start..end.unwrap_or(text.len()));
                }
                is_first = false;
            }
        })
    }

    /// The ways to decode this text that can give different names.
    fn readings(&self, text: &[u8]) -> Vec<Reading> {
        let mut readings = vec![Reading::Form];
        readings.extend(memchr(b';', text).map(|_| Reading::FormWithSemicolon));
        readings.extend(self.has_plus.then_some(Reading::Uri));
        readings.extend((!text.is_ascii()).then_some(Reading::SevenBits));
        readings
    }

    fn has(&self, name: &Decoded, is_first: bool) -> bool {
        let mut bytes = name.clone();
        let mut byte = bytes.next();
        while byte.is_some_and(is_junk) {
            byte = bytes.next();
        }
        let mut at = 0;
        loop {
            // The root holds the names that consist only of leading characters that are skipped above.
            if (at == 0 || byte.is_none_or(|byte| b"[].\0".contains(&byte)))
                && self.nodes.get(at).is_some_and(|node| node.names.iter().any(|one| one.is_read_in(name, is_first)))
            {
                return true;
            }
            let Some(next) = byte.and_then(|byte| self.child(at, fold(byte))) else { return false };
            at = next;
            byte = bytes.next();
        }
    }
}

/// The parameters that stay. Neighbours are copied together, as one run of the text.
struct Kept {
    text: Vec<u8>,
    is_none: bool,
}

impl Kept {
    /// Keeps the bytes from the start of a run up to the separator before `parameter`.
    fn push_before(&mut self, text: &[u8], run: Option<usize>, parameter: usize) {
        if let Some(run) = run.zip(parameter.checked_sub(1)).and_then(|(start, end)| text.get(start..end)) {
            self.push(run);
        }
    }

    /// Joins runs with `&`, the one separator that every parser accepts.
    fn push(&mut self, run: &[u8]) {
        if !self.is_none {
            self.text.push(b'&');
        }
        self.text.extend_from_slice(run);
        self.is_none = false;
    }
}

/// The index of the first separator at or after `start`: `&`, `;`, or 0xA6, which is `&` for formidable. Most
/// parameters are short, so the first bytes are compared one by one before `memchr3` is worth its start-up.
fn separator_after(text: &[u8], start: usize) -> Option<usize> {
    const SHORT: usize = 16;
    let rest = text.get(start..)?;
    let short = rest.iter().take(SHORT).position(|byte| b"&;\xa6".contains(byte));
    let found = short.or_else(|| memchr3(b'&', b';', 0xa6, rest.get(SHORT..)?)?.checked_add(SHORT));
    found?.checked_add(start)
}

/// Decodes `application/x-www-form-urlencoded` text: `+` becomes a space and `%XX` a byte; any other `%` stays.
fn decode(encoded: &[u8]) -> Cow<'_, [u8]> {
    if !encoded.contains(&b'+') {
        return Cow::from(percent_decode(encoded));
    }
    let spaced: Vec<u8> = encoded.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}

#[cfg(test)]
mod tests;
