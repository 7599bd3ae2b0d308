//! Runs each property of `make fuzz` for a short time.
//!
//! The inputs are made of words from the fuzzer's dictionaries and of random bytes. The seed is fixed, so that every
//! run has the same result. `make fuzz` finds new inputs.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::Value;

/// Runs a property on inputs that `shape` makes from two digits and words of a dictionary.
fn try_out(
    dictionary: &str,
    most_words: usize,
    shape: impl Fn(String, Vec<Vec<u8>>) -> Vec<u8>,
    holds: impl Fn(&[u8]),
) {
    let config = Config { cases: 1000, rng_seed: RngSeed::Fixed(7519), failure_persistence: None, ..Config::default() };
    let words = prop_oneof![
        8 => prop::sample::select(words(dictionary)),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        1 => "[ -~]{0,8}".prop_map(String::into_bytes),
    ];
    let input = ("[0-9]{2}", prop::collection::vec(words, 0..most_words));
    // Inputs are text, so that failure messages are readable.
    let input = input.prop_map(|(digits, words)| shape(digits, words).escape_ascii().to_string());
    TestRunner::new(config)
        .run(&input, |input| {
            holds(&unescaped(&input));
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// The digits, then the words.
fn plain(digits: String, words: Vec<Vec<u8>>) -> Vec<u8> {
    [digits.into_bytes(), words.concat()].concat()
}

/// The digits and the first word on a line, then `front` and the other words.
fn line_and(front: &str, digits: &str, words: &[Vec<u8>]) -> Vec<u8> {
    let (line, rest) = words.split_first().map_or((&[][..], &[][..]), |(line, rest)| (line.as_slice(), rest));
    [digits.as_bytes(), line, b"\n", front.as_bytes(), &rest.concat()].concat()
}

/// The words as members of a JSON object. For most digits, words that are not a member are left out.
fn object(digits: &str, words: &[Vec<u8>]) -> Vec<u8> {
    let is_member = |word: &&Vec<u8>| serde_json::from_slice::<Value>(&[b"{", word.as_slice(), b"}"].concat()).is_ok();
    let takes_all = digits.ends_with('9');
    let members: Vec<&[u8]> = words.iter().filter(|word| takes_all || is_member(word)).map(Vec::as_slice).collect();
    [b"{", members.join(&b',').as_slice(), b"}"].concat()
}

/// The words as keys of a JWK set. For most digits, words that are not JSON are left out. For one, the words are the
/// whole text.
fn key_list(digits: &str, words: &[Vec<u8>]) -> Vec<u8> {
    if digits.ends_with('8') {
        return words.concat();
    }
    let takes_all = digits.ends_with('9');
    let is_json = |word: &&Vec<u8>| serde_json::from_slice::<Value>(word).is_ok();
    let keys: Vec<&[u8]> = words.iter().filter(|word| takes_all || is_json(word)).map(Vec::as_slice).collect();
    [b"{\"keys\":[", keys.join(&b',').as_slice(), b"]}"].concat()
}

/// A line with a header and then a payload. If the second digit is 0, 2 or 4, the first two words are in the header.
fn header_and_payload(digits: &str, words: &[Vec<u8>]) -> Vec<u8> {
    let of_header = if digits.ends_with(['0', '2', '4']) { words.len().min(2) } else { 0 };
    let (header, payload) = words.split_at(of_header);
    let header = if of_header > 0 { object(digits, header) } else { Vec::new() };
    [&digits.as_bytes()[..1], &header, b"\n", &object(digits, payload)].concat()
}

/// The words as a path, in `htu` and in the target. For some digits, they are spelled differently there. For others, they
/// are everything.
fn htu_and_target(digits: &str, words: &[Vec<u8>]) -> Vec<u8> {
    let origin = match &digits[..1] {
        "0" | "4" | "8" => "https://API.example:443/",
        "1" | "5" | "9" => "http://api.example:8080/",
        "2" | "6" => "http://192.0.2.1:80/",
        _ => "https://api.example:/",
    };
    let path = words.concat();
    let respelled = String::from_utf8_lossy(&path).replace('a', "%61").replace("%2f", "%2F").replace('~', "%7e");
    let target = match &digits[1..] {
        "9" => return plain(digits[..1].to_owned(), words.to_vec()),
        // An empty path is that of the root.
        "0" => return [&digits.as_bytes()[..1], origin.trim_end_matches('/').as_bytes(), b"\n/"].concat(),
        "1" | "2" => path.clone(),
        "3" | "4" | "5" => respelled.into_bytes(),
        "6" => [b"x/../", path.as_slice()].concat(),
        "7" => [path.as_slice(), b"?x=y"].concat(),
        _ => [path.as_slice(), b"x"].concat(),
    };
    [&digits.as_bytes()[..1], origin.as_bytes(), &path, b"\n/", &target].concat()
}

/// The first two words and a URL on lines, then the other words. For some digits, another word is the URL.
fn lines_and_rest(digits: &str, words: &[Vec<u8>]) -> Vec<u8> {
    let word = |at: usize| words.get(at).cloned().unwrap_or_else(|| b"a".to_vec());
    let url = if digits.ends_with('9') { word(2) } else { b"https://api.example/orders".to_vec() };
    let rest = words.get(2..).unwrap_or_default().concat();
    [digits.as_bytes(), &word(0), b"\n", &word(1), b"\n", &url, b"\n", &rest].concat()
}

/// For most digits, a proof with the usual header and claims, in which the words replace members of their names or are
/// added. For others, the words are changes to a valid proof, or the proofs themselves.
fn proof_or_bytes(digits: String, words: Vec<Vec<u8>>) -> Vec<u8> {
    if digits.ends_with(['1', '2']) {
        return plain(digits, words);
    }
    let is_of_header = |word: &&Vec<u8>| ["typ", "alg", "jwk", "kid", "crit", "b64", "x"].contains(&name_of(word));
    let (header, claims): (Vec<_>, Vec<_>) = words.iter().partition(is_of_header);
    let header = with_members(properties::proof::HEADER, &header);
    [&digits.as_bytes()[..1], b"0", &header, b"\n", &with_members(properties::proof::CLAIMS, &claims)].concat()
}

/// The object with these members instead of those of the same name.
fn with_members(object: &str, words: &[&Vec<u8>]) -> Vec<u8> {
    let usual = object.trim_matches(['{', '}']).split(',').map(|member| member.as_bytes().to_vec());
    let kept = usual.filter(|member| words.iter().all(|word| name_of(word) != name_of(member)));
    let members: Vec<_> = kept.chain(words.iter().map(|word| (*word).clone())).collect();
    [b"{", members.join(&b',').as_slice(), b"}"].concat()
}

/// The text in the first quotes.
fn name_of(member: &[u8]) -> &str {
    str::from_utf8(member).ok().and_then(|text| text.split('"').nth(1)).unwrap_or_default()
}

/// The words of a libFuzzer dictionary, which has one in quotes on each line.
fn words(dictionary: &str) -> Vec<Vec<u8>> {
    let quoted = |line: &str| Some(unescaped(line.strip_prefix('"')?.strip_suffix('"')?));
    dictionary.lines().filter_map(quoted).collect()
}

/// The bytes of a text with the escapes `\n`, `\t`, `\r`, `\\`, `\"`, `\'` and `\xNN`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut unescaped = Vec::new();
    while let Some(byte) = bytes.next() {
        unescaped.push(match byte {
            b'\\' => match bytes.next().unwrap() {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'x' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            },
            byte => byte,
        });
    }
    unescaped
}

macro_rules! properties {
    ($($name:ident: $dictionary:literal, $words:literal, $shape:expr;)*) => {$(
        #[test]
        fn $name() {
            let dictionary = include_str!(concat!("../../fuzz/dictionaries/", $dictionary, ".dict"));
            try_out(dictionary, $words, $shape, properties::$name::holds);
        }
    )*};
}

properties! {
    decide: "decide", 12, plain;
    config: "config", 8, |digits, words| object(&digits, &words);
    signed: "signed", 8, |digits, words| header_and_payload(&digits, &words);
    query: "parameters", 16, |digits, words| line_and("/p?", &digits, &words);
    form: "parameters", 16, |digits, words| line_and("", &digits, &words);
    path: "parameters", 8, |digits, words| line_and("/", &digits[..1], &words);
    cookie: "cookie", 20, plain;
    signature: "signature", 4, plain;
    jwk_set: "jwk_set", 8, |digits, words| key_list(&digits, &words);
    remote_keys: "remote_keys", 40, plain;
    jti_store: "jti_store", 40, plain;
    htu: "htu", 6, |digits, words| htu_and_target(&digits, &words);
    proof: "proof", 4, proof_or_bytes;
    challenge: "challenge", 6, |digits, words| lines_and_rest(&digits, &words);
    jti_reply: "jti_reply", 4, |digits, words| plain(digits[..1].to_owned(), words);
}
