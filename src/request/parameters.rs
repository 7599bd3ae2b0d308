//! The parameters of a query or a form, and which of them a backend reads under a given name.
//!
//! Every parser decodes percent-encodings and reads `+` as a space. On top of that:
//!
//! | a parser in use | reads as `userId` |
//! |---|---|
//! | PHP | spaces in front, a zero byte and all behind it, ` `, `.` and `[` for `_`, members `userId[x]` |
//! | Rack 2 | brackets in front, `]` behind with anything after it, members, also unclosed |
//! | qs | `[userId]`, members; with `allowDots` also `.userId` and `userId.x` |
//! | `URLSearchParams`, qs with `ignoreQueryPrefix` | a `?` in front of the first parameter |
//! | Rack 2, Bottle, Go before 1.17 | parameters that `;` separates, in Rack also with spaces behind it or `&` |
//! | formidable | bytes without their eighth bit: 0xBD for `=`, 0xA6 for `&` |
//! | percent-decoding alone (RFC 3986) | `+` as itself |
//!
//! `tests/readers` holds this table against the parsers themselves.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr3};
use percent_encoding::percent_decode;

mod name;

use name::{Decoded, Name, Reading, fold, is_junk};

/// The longest name, in bytes. Names in use have some ten; each byte costs a node of the trie, so 256 names take a few
/// megabytes at most.
pub(crate) const MAX_NAME_BYTES: usize = 256;

/// Names of parameters, to be found in any spelling in one pass over a text, however many there are.
///
/// A trie of the names without the characters that some parser drops in front, with those that PHP takes for each other
/// made one. It leads from a parameter to the few names that it could be read as; [`Name`] then decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParameterNames {
    nodes: Vec<Node>,
    /// The reading with `+` as itself is tried only for names that have one.
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

    /// The values of the parameters that some parser reads as one of the names, decoded. A value ends at `&` only: one with
    /// a `;` is another value to some parser.
    pub(crate) fn values_in<'a>(&'a self, encoded: &'a [u8]) -> impl Iterator<Item = Cow<'a, [u8]>> {
        self.find_in(encoded).map(|found| {
            let text = encoded.get(found.start..).unwrap_or_default();
            let text = text.split(|&byte| byte == b'&').next().unwrap_or_default();
            decode(text.splitn(2, |&byte| byte == b'=').nth(1).unwrap_or_default())
        })
    }

    /// The text without the parameters that some parser reads as one of the names, and with `added` at its end. All others
    /// keep their bytes and their order. `None` when no parameter is left.
    pub(crate) fn edited(&self, encoded: Option<&[u8]>, added: &[Vec<u8>]) -> Option<Vec<u8>> {
        let text = encoded.unwrap_or_default();
        let more = added.iter().map(Vec::len).fold(added.len(), usize::saturating_add);
        let mut kept = Kept { text: Vec::with_capacity(text.len().saturating_add(more)), is_none: true };
        let mut run = Some(0);
        for found in self.find_in(text) {
            kept.push_before(text, run, found.start);
            run = found.end.checked_add(1).filter(|start| *start <= text.len());
        }
        // Nothing at all is one empty parameter, which would leave a `&` in front.
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

    /// The ways to decode that can make a difference for this text.
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
            // At the root are names of nothing but such characters: they end before the first other one.
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

/// The parameters that stay, in runs of the text.
struct Kept {
    text: Vec<u8>,
    is_none: bool,
}

impl Kept {
    /// Keeps what stands between the start of a run and a parameter, which has a separator before it.
    fn push_before(&mut self, text: &[u8], run: Option<usize>, parameter: usize) {
        if let Some(run) = run.zip(parameter.checked_sub(1)).and_then(|(start, end)| text.get(start..end)) {
            self.push(run);
        }
    }

    /// Parts that were not side by side are joined by `&`, which every parser separates at.
    fn push(&mut self, run: &[u8]) {
        if !self.is_none {
            self.text.push(b'&');
        }
        self.text.extend_from_slice(run);
        self.is_none = false;
    }
}

/// Where the next separator is at or behind a place: `&`, `;`, or what formidable takes for a `&`. Most parameters are short,
/// so a few bytes are looked at one by one.
fn separator_after(text: &[u8], place: usize) -> Option<usize> {
    const SHORT: usize = 16;
    let behind = text.get(place..)?;
    let short = behind.iter().take(SHORT).position(|byte| b"&;\xa6".contains(byte));
    let found = short.or_else(|| memchr3(b'&', b';', 0xa6, behind.get(SHORT..)?)?.checked_add(SHORT));
    found?.checked_add(place)
}

/// Decodes `application/x-www-form-urlencoded` text: `+` is a space, `%XX` a byte, a stray `%` itself.
fn decode(encoded: &[u8]) -> Cow<'_, [u8]> {
    if !encoded.contains(&b'+') {
        return Cow::from(percent_decode(encoded));
    }
    let spaced: Vec<u8> = encoded.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}

#[cfg(test)]
mod tests;
