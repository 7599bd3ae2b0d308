//! Go's `net/url.ParseQuery` in Rust, so that the tests don't need Go.

use percent_encoding::percent_decode;

use crate::ask::{Found, Question};

/// The results of Go before 1.17, which splits at `;` like at `&`, and of later versions, which drop a part with a `;`.
pub(crate) fn answers(question: &Question) -> [(String, Found); 2] {
    let (name, _) = question.own.split_once('=').unwrap();
    let name = unescaped(name.as_bytes()).unwrap();
    let found = |text: &[u8], is_old: bool| {
        let parts = text.split(|&byte| byte == b'&' || (is_old && byte == b';'));
        let values: Vec<Vec<u8>> = parts
            .filter(|part| !part.is_empty() && !part.contains(&b';'))
            .filter_map(|part| {
                let mut halves = part.splitn(2, |&byte| byte == b'=');
                let (read, value) = (unescaped(halves.next()?)?, unescaped(halves.next().unwrap_or_default())?);
                (read == name).then_some(value)
            })
            .collect();
        match values.iter().map(Vec::as_slice).collect::<Vec<_>>().as_slice() {
            [] => Found::Absent,
            [b"ours"] => Found::Ours,
            several if several.contains(&b"forged".as_slice()) => Found::Forged,
            _ => Found::Other,
        }
    };
    [("Go".to_owned(), found(&question.text, false)), ("Go before 1.17".to_owned(), found(&question.text, true))]
}

/// `url.QueryUnescape`. `None` is its error for a `%` without two digits after it.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let is_digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_hexdigit);
    let is_valid = (0..text.len()).all(|at| text[at] != b'%' || (is_digit(at + 1) && is_digit(at + 2)));
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    is_valid.then(|| percent_decode(&spaced).collect())
}
