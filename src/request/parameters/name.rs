//! One name, and every spelling that some parser reads as it.

/// How far a closing bracket is looked for. Behind that it counts as found: of parameters separated by `;` each would be
/// looked through to the end of all.
pub(super) const MAX_LOOKAHEAD: usize = 256;

/// A name that the configuration gives a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    text: Vec<u8>,
    /// The parts of a name with brackets or dots, `user[id]`: a member of an object to some parsers.
    parts: Option<Vec<Vec<u8>>>,
}

impl Name {
    pub(super) fn new(text: &str) -> Self {
        let text = text.as_bytes().to_vec();
        let is_compound = text.iter().any(|byte| b"[].".contains(byte));
        Self { parts: is_compound.then(|| parts(text.iter().copied()).collect()), text }
    }

    /// The ways to the name in the trie: the whole, which is one name to PHP, and the first of its parts.
    pub(super) fn keys(&self) -> Vec<Vec<u8>> {
        let first = self.parts.as_ref().map(|parts| parts.first().map_or(&[][..], Vec::as_slice));
        let key = |text: &[u8]| text.iter().copied().skip_while(|&byte| is_junk(byte)).map(fold).collect();
        [Some(self.text.as_slice()), first].into_iter().flatten().map(key).collect()
    }

    /// Whether some parser reads this name as `self`, or as something that takes its place.
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

    /// The name; a member of an array or object, behind `[` or, with `allowDots`, behind `.`; or the name in brackets.
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

    /// PHP drops spaces in front, ends the name at a zero byte, has `_` for ` `, `.` and `[`, and knows arrays.
    fn is_read_by_php(&self, name: Decoded) -> bool {
        let mut name = name.skip_while(|&byte| byte == b' ').take_while(|&byte| byte != 0);
        let mut own = self.text.iter().skip_while(|&&byte| byte == b' ');
        let mut has_bracket = false;
        let is_front = own.all(|&byte| {
            let other = name.next();
            has_bracket |= other == Some(b'[');
            other.is_some_and(|other| fold(other) == fold(byte))
        });
        // A `[` is a `_` if no `]` follows it, and else the beginning of an array.
        is_front
            && match name.next() {
                None => true,
                Some(b'[') if !has_bracket => {
                    name.take(MAX_LOOKAHEAD).enumerate().any(|(at, byte)| byte == b']' || at == MAX_LOOKAHEAD - 1)
                }
                Some(_) => false,
            }
    }

    /// Rack drops brackets in front and ends the name at a bracket; what stands behind a `]` makes a member.
    fn is_read_by_rack(&self, name: Decoded) -> bool {
        let mut name = name.skip_while(|byte| b"[]".contains(byte));
        if !self.is_front_of(&mut name) {
            return false;
        }
        let first = name.next();
        let mut rest = first.into_iter().chain(name).skip_while(|&byte| byte == b']');
        first.is_none_or(|byte| b"[]".contains(&byte)) && (rest.next() != Some(b'[') || rest.next().is_some())
    }

    /// What qs with `allowDots` reads behind a `.` in front.
    fn is_dotted(&self, mut name: Decoded) -> bool {
        self.is_front_of(&mut name) && name.next().is_none_or(|byte| b".[]".contains(&byte))
    }

    fn is_front_of(&self, name: &mut impl Iterator<Item = u8>) -> bool {
        self.text.iter().all(|&byte| name.next() == Some(byte))
    }
}

/// The characters that some parser drops in front of a name, or takes for one that another drops.
pub(super) fn is_junk(byte: u8) -> bool {
    b" [].?_".contains(&byte)
}

/// PHP's one character for several.
pub(super) fn fold(byte: u8) -> u8 {
    if b" .[".contains(&byte) { b'_' } else { byte }
}

/// What stands behind a character in front.
fn after<'a>(name: &Decoded<'a>, front: u8) -> Option<Decoded<'a>> {
    let mut rest = name.clone();
    (rest.next() == Some(front)).then_some(rest)
}

/// The texts between brackets and dots.
fn parts(name: impl Iterator<Item = u8>) -> impl Iterator<Item = Vec<u8>> {
    let mut name = name.peekable();
    std::iter::from_fn(move || {
        while name.next_if(|byte| b"[].".contains(byte)).is_some() {}
        name.peek()?;
        Some(std::iter::from_fn(|| name.next_if(|byte| !b"[].".contains(byte))).collect())
    })
}

/// Whether the one is a member of the other, or the same: then one of them takes the other's place.
fn overlap(own: &[Vec<u8>], name: Decoded) -> bool {
    let name = name.take_while(|&byte| byte != 0).skip_while(|byte| b" [].".contains(byte));
    // No longer than what could be the same: of parameters separated by `;` each would be looked through to the end of all.
    let name = name.take(own.iter().map(Vec::len).sum::<usize>().saturating_add(MAX_LOOKAHEAD));
    let mut parts = parts(name).peekable();
    parts.peek().is_some()
        && own.iter().zip(parts).all(|(own, other)| own.iter().map(|&byte| fold(byte)).eq(other.into_iter().map(fold)))
}

/// How a parser decodes a name, before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// `+` is a space, and `;` an end.
    Form,
    /// As [`Self::Form`], but `;` is a part of the name.
    FormWithSemicolon,
    /// `+` is itself [RFC 3986].
    Uri,
    /// formidable takes seven bits of each byte, so that 0xBD is a `=`.
    SevenBits,
}

/// A name as it comes, up to its end, and decoded.
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

    /// How many bytes the name takes in the text.
    pub(super) fn encoded_length(mut self) -> usize {
        while self.next().is_some() {}
        self.encoded.len().saturating_sub(self.rest.len())
    }

    /// Whether a `?` stands in front, as it is: a parser that drops one looks before it decodes.
    fn has_question_mark(&self) -> bool {
        self.rest.first().is_some_and(|&byte| self.read(byte) == b'?')
    }

    /// The name without spaces in front that are not encoded.
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
                [high, low, behind @ ..]
                    if let (Some(high), Some(low)) = (digit(self.read(*high)), digit(self.read(*low))) =>
                {
                    (high << 4 | low, behind)
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
