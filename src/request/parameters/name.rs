//! One parameter name, and every spelling that some parser reads as this name.

/// How many bytes are searched for a closing bracket. After that it counts as found. Without this limit, a long list of
/// parameters separated by `;` would be searched to its end for each parameter, in quadratic time.
pub(super) const MAX_LOOKAHEAD: usize = 256;

/// A configured parameter name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    text: Vec<u8>,
    /// The parts of a name with brackets or dots. Some parsers read `user[id]` as the member `id` of an object `user`.
    parts: Option<Vec<Vec<u8>>>,
}

impl Name {
    pub(super) fn new(text: &str) -> Self {
        let text = text.as_bytes().to_vec();
        let is_compound = text.iter().any(|byte| b"[].".contains(byte));
        Self { parts: is_compound.then(|| parts(text.iter().copied()).collect()), text }
    }

    /// The keys of the name in the trie: the whole name, as PHP reads it, and the first of its parts, if it has parts.
    pub(super) fn keys(&self) -> Vec<Vec<u8>> {
        let first = self.parts.as_ref().map(|parts| parts.first().map_or(&[][..], Vec::as_slice));
        let key = |text: &[u8]| text.iter().copied().skip_while(|&byte| is_junk(byte)).map(fold).collect();
        [Some(self.text.as_slice()), first].into_iter().flatten().map(key).collect()
    }

    /// Whether some parser reads the sent `name` as `self`, or as something that replaces `self`. `is_first` says that
    /// it is the first name of the query or form.
    pub(super) fn is_read_in(&self, name: &Decoded, is_first: bool) -> bool {
        if is_first && name.has_question_mark() && after(name, b'?').is_some_and(|name| self.is_read_by_qs(&name)) {
            return true;
        }
        if matches!(name.reading, Reading::Uri | Reading::SevenBits) {
            return self.text.iter().copied().eq(name.clone());
        }
        self.is_read_by_qs(name)
            || self.is_read_by_php(name.clone())
            || self.is_read_by_rack(if is_first { name.clone() } else { name.clone().without_spaces() })
            || after(name, b'.').is_some_and(|name| self.is_dotted(name))
            || self.parts.as_ref().is_some_and(|own| overlap(own, name.clone()))
    }

    /// qs reads the name itself, the name with a member after `[` or (with `allowDots`) `.`, and the name in brackets.
    fn is_read_by_qs(&self, name: &Decoded) -> bool {
        let mut plain = name.clone();
        let is_plain = self.is_front_of(&mut plain)
            && match plain.next() {
                None | Some(b'[') => true,
                Some(b'.') => plain.next().is_some_and(|byte| !b".[".contains(&byte)),
                Some(_) => false,
            };
        is_plain || after(name, b'[').is_some_and(|mut name| self.is_front_of(&mut name) && name.next() == Some(b']'))
    }

    /// PHP ignores leading spaces, ends the name at a zero byte, replaces ` `, `.` and `[` by `_`, and supports arrays.
    fn is_read_by_php(&self, name: Decoded) -> bool {
        let mut name = name.skip_while(|&byte| byte == b' ').take_while(|&byte| byte != 0);
        let mut own = self.text.iter().skip_while(|&&byte| byte == b' ');
        let mut has_bracket = false;
        let is_front = own.all(|&byte| {
            let other = name.next();
            has_bracket |= other == Some(b'[');
            other.is_some_and(|other| fold(other) == fold(byte))
        });
        // A `[` starts an array if a `]` follows it; otherwise PHP replaces it by `_`.
        is_front
            && match name.next() {
                None => true,
                Some(b'[') if !has_bracket => {
                    name.take(MAX_LOOKAHEAD).enumerate().any(|(at, byte)| byte == b']' || at == MAX_LOOKAHEAD - 1)
                }
                Some(_) => false,
            }
    }

    /// Rack ignores leading brackets and ends the name at a bracket. Text after a `]` names a member.
    fn is_read_by_rack(&self, name: Decoded) -> bool {
        let mut name = name.skip_while(|byte| b"[]".contains(byte));
        if !self.is_front_of(&mut name) {
            return false;
        }
        let first = name.next();
        let mut rest = first.into_iter().chain(name).skip_while(|&byte| byte == b']');
        first.is_none_or(|byte| b"[]".contains(&byte)) && (rest.next() != Some(b'[') || rest.next().is_some())
    }

    /// Whether `name`, which is the rest after a leading `.`, is this name for qs with `allowDots`.
    fn is_dotted(&self, mut name: Decoded) -> bool {
        self.is_front_of(&mut name) && name.next().is_none_or(|byte| b".[]".contains(&byte))
    }

    fn is_front_of(&self, name: &mut impl Iterator<Item = u8>) -> bool {
        self.text.iter().all(|&byte| name.next() == Some(byte))
    }
}

/// Whether some parser ignores this character at the start of a name, or replaces it by one that another parser
/// ignores.
pub(super) fn is_junk(byte: u8) -> bool {
    b" [].?_".contains(&byte)
}

/// Replaces the characters that PHP replaces.
pub(super) fn fold(byte: u8) -> u8 {
    if b" .[".contains(&byte) { b'_' } else { byte }
}

/// The rest of a name that starts with the character `front`.
fn after<'a>(name: &Decoded<'a>, front: u8) -> Option<Decoded<'a>> {
    let mut rest = name.clone();
    (rest.next() == Some(front)).then_some(rest)
}

/// The parts of a name between brackets and dots.
fn parts(name: impl Iterator<Item = u8>) -> impl Iterator<Item = Vec<u8>> {
    let mut name = name.peekable();
    std::iter::from_fn(move || {
        while name.next_if(|byte| b"[].".contains(byte)).is_some() {}
        name.peek()?;
        Some(std::iter::from_fn(|| name.next_if(|byte| !b"[].".contains(byte))).collect())
    })
}

/// Whether the two are the same member of an object, or one is inside the other. Then one can replace the other.
fn overlap(own: &[Vec<u8>], name: Decoded) -> bool {
    let name = name.take_while(|&byte| byte != 0).skip_while(|byte| b" [].".contains(byte));
    // A longer name is cut: searching a list of parameters separated by `;` to its end for each would be quadratic.
    let name = name.take(own.iter().map(Vec::len).sum::<usize>().saturating_add(MAX_LOOKAHEAD));
    let mut parts = parts(name).peekable();
    parts.peek().is_some()
        && own.iter().zip(parts).all(|(own, other)| own.iter().map(|&byte| fold(byte)).eq(other.into_iter().map(fold)))
}

/// How a parser decodes a name and where it ends the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// `+` is a space; `;` ends the name.
    Form,
    /// As [`Self::Form`], but `;` belongs to the name.
    FormWithSemicolon,
    /// `+` is a plus sign ([RFC 3986 §2.2](https://www.rfc-editor.org/rfc/rfc3986#section-2.2)).
    Uri,
    /// formidable ignores the eighth bit of each byte, so 0xBD is `=`.
    SevenBits,
}

/// The decoded bytes of a name in a request, up to the end of the name.
#[derive(Clone, Debug)]
pub(super) struct Decoded<'a> {
    encoded: &'a [u8],
    rest: &'a [u8],
    reading: Reading,
}

impl<'a> Decoded<'a> {
    pub(super) fn new(encoded: &'a [u8], reading: Reading) -> Self {
        Self { encoded, rest: encoded, reading }
    }

    /// The length of the name as it was sent, in bytes.
    pub(super) fn encoded_length(mut self) -> usize {
        while self.next().is_some() {}
        self.encoded.len().saturating_sub(self.rest.len())
    }

    /// Whether the name starts with a `?` that is not encoded: parsers that ignore a leading `?` do so before decoding.
    fn has_question_mark(&self) -> bool {
        self.rest.first().is_some_and(|&byte| self.read(byte) == b'?')
    }

    /// The name without leading spaces, unless they are encoded.
    fn without_spaces(self) -> Self {
        let spaces = self.rest.iter().take_while(|&&byte| byte == b' ').count();
        Self { rest: self.rest.get(spaces..).unwrap_or_default(), ..self }
    }

    fn read(&self, byte: u8) -> u8 {
        if self.reading == Reading::SevenBits { byte & 0x7f } else { byte }
    }
}

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        let (byte, rest) = match self.read(first) {
            b'=' | b'&' => return None,
            b';' if self.reading != Reading::FormWithSemicolon => return None,
            b'+' if self.reading != Reading::Uri => (b' ', rest),
            b'%' => match rest {
                [high, low, after @ ..]
                    if let (Some(high), Some(low)) = (digit(self.read(*high)), digit(self.read(*low))) =>
                {
                    (high << 4 | low, after)
                }
                _ => (b'%', rest),
            },
            byte => (byte, rest),
        };
        self.rest = rest;
        Some(byte)
    }
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}
