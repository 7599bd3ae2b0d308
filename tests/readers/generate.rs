//! Generates names of parameters that a parser could read as another name.

use std::collections::BTreeSet;

/// Pieces to put before, after and inside a name. Bytes that a URL can't have are possible in forms.
const PIECES: [&str; 58] = [
    " ",
    "+",
    "%20",
    "%2B",
    "%09",
    "%0A",
    "%0B",
    "%0D",
    "%00",
    "%C2%A0",
    "%E2%80%89",
    "%EF%BB%BF",
    "\t",
    "\n",
    "\r",
    "\0",
    "[",
    "]",
    "%5B",
    "%5D",
    "%5b",
    "%5d",
    "[]",
    "[0]",
    "[a]",
    "[a",
    "a]",
    "][",
    "[]x",
    "[][x]",
    "[=]",
    "%5B%5D",
    "%255B",
    "[a][b]",
    "]]",
    "[[",
    "[%zz]",
    ".",
    "%2E",
    ".a",
    "..",
    "_",
    "-",
    ";",
    ";a",
    "%3B",
    "a;",
    "?",
    "%3F",
    "%",
    "%z",
    "%u0075",
    "%C0%AE",
    "%FF",
    "a",
    ":",
    "/",
    "'",
];

/// Names made from a target's name: with each byte before and after it, for one target also inside it, and then with
/// random pieces around and inside it.
pub(crate) fn names(target: &str, count: usize, chance: &mut Chance) -> Vec<Vec<u8>> {
    let encoded = encoded(target);
    let mut names = BTreeSet::new();
    let bytes = if ["userId", "user_id", "é"].contains(&target) { 0..=u8::MAX } else { b' '..=b'~' };
    for byte in bytes.filter(|byte| !b"&=#".contains(byte)) {
        for piece in [vec![byte], format!("%{byte:02X}").into_bytes()] {
            names.insert([piece.as_slice(), encoded.as_bytes()].concat());
            names.insert([encoded.as_bytes(), piece.as_slice()].concat());
            if target == "user_id" {
                names.insert([b"user", piece.as_slice(), b"_id"].concat());
                names.insert([b"user", piece.as_slice(), b"id"].concat());
            }
        }
    }
    let singles = names.len();
    while names.len() < singles + count {
        names.insert(composed(target, chance));
    }
    names.into_iter().collect()
}

fn composed(target: &str, chance: &mut Chance) -> Vec<u8> {
    let mut name = String::new();
    for _ in 0..chance.below(3) {
        name += PIECES[chance.below(PIECES.len())];
    }
    let style = chance.below(8);
    for letter in target.chars() {
        let is_special = " ._[]+;".contains(letter);
        match (style, chance.below(12)) {
            (0..=1, _) => name += &encoded(&letter.to_string()),
            (2, _) => name += &all_encoded(letter),
            (3, 0) => name += &letter.to_string().to_uppercase(),
            (_, 0) => name += &all_encoded(letter),
            (_, 1) => name += &all_encoded(letter).to_lowercase(),
            (_, 2) => name += &all_encoded(letter).replace('%', "%25"),
            (_, 3..=8) if is_special => name += PIECES[chance.below(PIECES.len())],
            (_, 9) if style == 4 => name += PIECES[chance.below(PIECES.len())],
            _ => name.push(letter),
        }
    }
    for _ in 0..chance.below(4) {
        name += PIECES[chance.below(PIECES.len())];
    }
    name.into_bytes()
}

/// Percent-encoded as the filter does it.
pub(crate) fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encoded).collect()
}

fn all_encoded(letter: char) -> String {
    letter.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Pseudo-random numbers that are the same in every run (xorshift64*).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % end
    }
}
