//! Cuts tokens short, so that people can share the output without giving away a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The part of a token that is shown: enough to recognise it, not enough to use it.
const EXCERPT_CHARS: usize = 16;

/// The characters that end a value in a path, a query, a form or a header.
const SEPARATORS: &str = "/?#&=;,\"' \t";

/// A path, form or header value with only the beginning of each token, percent-encoded or not.
pub(super) fn without_tokens(text: &str) -> String {
    let cut = |piece: &str| {
        let (value, separator) = match piece.char_indices().next_back() {
            Some((index, last)) if SEPARATORS.contains(last) => piece.split_at(index),
            Some(_) | None => (piece, ""),
        };
        if has_token(value) {
            value.chars().take(EXCERPT_CHARS).collect::<String>() + "..." + separator
        } else {
            piece.to_owned()
        }
    };
    text.split_inclusive(|character| SEPARATORS.contains(character)).map(cut).collect()
}

/// Whether the last word of a value has three segments separated by dots, of which the first is a JSON object.
fn has_token(value: &str) -> bool {
    form_urlencoded::parse(value.as_bytes()).any(|(decoded, _)| {
        let segments: Vec<_> = decoded.split_whitespace().next_back().unwrap_or_default().split('.').collect();
        let header = segments.first().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
        segments.len() >= 3 && header.is_some_and(|header| header.trim_ascii_start().starts_with(b"{"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_a_token_is_shown() {
        const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
        let encoded = TOKEN.replace('.', "%2E").replace('e', "%65");
        for (text, expected) in [
            (TOKEN.to_owned(), "eyJhbGciOiJFUzI1..."),
            (format!("/a?t={TOKEN}"), "/a?t=eyJhbGciOiJFUzI1..."),
            (format!("/a?x=1&t={TOKEN}&y={TOKEN}#z"), "/a?x=1&t=eyJhbGciOiJFUzI1...&y=eyJhbGciOiJFUzI1...#z"),
            (format!("/{TOKEN}/b"), "/eyJhbGciOiJFUzI1.../b"),
            (format!("t={encoded}"), "t=%65yJhbGciOiJFUz..."),
            (format!("t=Bearer%20{TOKEN}"), "t=Bearer%20eyJhbGc..."),
            (format!("t=Bearer+{TOKEN}&a=b"), "t=Bearer+eyJhbGciO...&a=b"),
            (format!("a=b; t=\"{TOKEN}\"; c=d"), "a=b; t=\"eyJhbGciOiJFUzI1...\"; c=d"),
            (format!("{}.e30.", URL_SAFE_NO_PAD.encode(" {}")), "IHt9.e30...."),
        ] {
            assert_eq!(without_tokens(&text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_token_stays() {
        for text in ["", "/", "/a?b=c&d=%2E%zz", "/www.example.com/1.2.3?x=e30.e30", "a=b; c=d", "t=é..ü"] {
            assert_eq!(without_tokens(text), text);
        }
    }
}
