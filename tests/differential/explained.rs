//! Known reasons for disagreements between the filter and a library. Each reason is a condition on the token and its
//! key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use properties::json::Json;
use serde_json::Value;

use crate::{Case, Verdict};

/// A reason for a disagreement, and the condition under which it applies.
pub(crate) struct Reason {
    pub(crate) text: &'static str,
    direction: Direction,
    /// The beginning of the library's name.
    library: &'static str,
    holds: fn(&Case) -> bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    /// The filter rejects a token that the library accepts.
    Stricter,
    /// The filter accepts a token that the library rejects.
    Laxer,
}
use Direction::{Laxer, Stricter};

const BOTH: &str = "";
const JWCRYPTO: &str = "jwcrypto";
const JOSERFC: &str = "joserfc";

pub(crate) const REASONS: &[Reason] = &[
    Reason {
        text: "stricter: jwcrypto also reads the JSON serialization (RFC 7515 7.2); a JWT is compact (RFC 7519 1)",
        direction: Stricter,
        library: JWCRYPTO,
        holds: |case| case.token.starts_with('{'),
    },
    Reason {
        text: "stricter: a segment with padding, unused bits set or other characters is not base64url (RFC 7515 2)",
        direction: Stricter,
        library: BOTH,
        holds: |case| case.token.split('.').any(|segment| !is_strict_base64url(segment)),
    },
    Reason {
        text: "stricter: a token is at most 16 KiB long",
        direction: Stricter,
        library: BOTH,
        holds: |case| case.token.len() > 16 * 1024,
    },
    Reason {
        text: "stricter: any crit is rejected, because the filter supports no extension (RFC 7515 4.1.11)",
        direction: Stricter,
        library: BOTH,
        holds: |case| case.header_has("crit"),
    },
    Reason {
        text: "stricter: joserfc uses its only key for a token without kid; the filter does not if the key has a kid",
        direction: Stricter,
        library: JOSERFC,
        holds: |case| !case.header_has("kid") && case.jwk["kid"].is_string(),
    },
    Reason {
        text: "stricter: jwcrypto uses any key for a token without kid, or if it is not a string (RFC 7515 4.1.4)",
        direction: Stricter,
        library: JWCRYPTO,
        holds: |case| {
            case.header().is_some_and(|header| !header["kid"].is_string())
                && (case.header_has("kid") || case.jwk["kid"].is_string())
        },
    },
    Reason {
        text: "stricter: an HMAC secret must not be shorter than the hash (RFC 7518 3.2)",
        direction: Stricter,
        library: JOSERFC,
        holds: |case| {
            let bits = |name: &str| name.strip_prefix("HS").and_then(|bits| bits.parse::<usize>().ok());
            let hash = case.header().and_then(|header| header["alg"].as_str().and_then(bits));
            let secret = case.jwk["k"].as_str().and_then(|secret| URL_SAFE_NO_PAD.decode(secret).ok());
            hash.zip(secret).is_some_and(|(bits, secret)| secret.len() * 8 < bits)
        },
    },
    Reason {
        text: "stricter: JSON is UTF-8 without byte order mark or surrogates (RFC 8259 8.1); Python also reads UTF-16",
        direction: Stricter,
        library: BOTH,
        holds: |case| {
            case.json()
                .any(|text| std::str::from_utf8(&text).is_err() || text.contains(&0) || text.starts_with(b"\xef"))
        },
    },
    Reason {
        text: "stricter: NaN and Infinity are not JSON (RFC 8259 6)",
        direction: Stricter,
        library: BOTH,
        holds: |case| case.json().any(|text| has(&text, "NaN") || has(&text, "Infinity")),
    },
    Reason {
        text: "stricter: an escaped surrogate without its other half is not a character",
        direction: Stricter,
        library: BOTH,
        holds: |case| case.json().any(|text| has(&text, r"\ud800") || has(&text, r"\ude00\ud83d")),
    },
    Reason {
        text: "stricter: a header nests at most 8 levels deep, a payload at most 64",
        direction: Stricter,
        library: BOTH,
        holds: |case| case.json().zip([8, 64]).any(|(text, most)| depth(&text) > most),
    },
    Reason {
        text: "stricter: duplicate members are rejected (RFC 7519 4, RFC 7515 4)",
        direction: Stricter,
        library: BOTH,
        holds: |case| {
            let is_repeated =
                |text: &Vec<u8>| serde_json::from_slice::<Value>(text).is_ok_and(|value| value.is_object());
            case.json().any(|text| is_repeated(&text) && Json::object(&text, usize::MAX).is_none())
        },
    },
    Reason {
        text: "laxer: white space around a token is ignored",
        direction: Laxer,
        library: BOTH,
        holds: |case| case.token.trim_ascii() != case.token,
    },
    Reason {
        text: "laxer: b64 without crit is an unknown member and is ignored (RFC 7515 4)",
        direction: Laxer,
        library: BOTH,
        holds: |case| case.header_has("b64") && !case.header_has("crit"),
    },
    Reason {
        text: "laxer: typ, cty, jku, jwk, x5u, x5c and x5t are ignored; joserfc rejects wrong types",
        direction: Laxer,
        library: JOSERFC,
        holds: |case| {
            let Some(header) = case.header() else { return false };
            let is_url = |value: &Value| value.as_str().is_some_and(|text| text.starts_with("https://"));
            let is_list = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
            ["typ", "cty", "x5t"].iter().any(|name| case.header_has(name) && !header[*name].is_string())
                || ["jku", "x5u"].iter().any(|name| case.header_has(name) && !is_url(&header[*name]))
                || (case.header_has("jwk") && !header["jwk"].is_object())
                || (case.header_has("x5c") && !is_list(&header["x5c"]))
        },
    },
    Reason {
        text: "laxer: joserfc limits the header to 512 bytes, the filter only the token, to 16 KiB",
        direction: Laxer,
        library: JOSERFC,
        holds: |case| case.token.split('.').next().is_some_and(|header| header.len() > 512),
    },
];

/// The reason for this disagreement, if there is one.
pub(crate) fn why(case: &Case, library: &str, said: Verdict, verdict: Verdict) -> Option<&'static str> {
    let direction = match (said, verdict) {
        (Verdict::Passes | Verdict::Expired, Verdict::Rejected) => Stricter,
        (Verdict::Rejected, Verdict::Passes | Verdict::Expired) => Laxer,
        _ => return None,
    };
    REASONS
        .iter()
        .find(|reason| reason.direction == direction && library.starts_with(reason.library) && (reason.holds)(case))
        .map(|reason| reason.text)
}

impl Case {
    /// Header and payload, decoded.
    fn json(&self) -> impl Iterator<Item = Vec<u8>> {
        self.token.split('.').take(2).filter_map(|segment| URL_SAFE_NO_PAD.decode(segment.trim_ascii()).ok())
    }

    fn header(&self) -> Option<Value> {
        serde_json::from_slice(&self.json().next()?).ok()
    }

    /// Whether the header has a member of this name, null included.
    fn header_has(&self, name: &str) -> bool {
        self.header().and_then(|header| header.as_object().map(|members| members.contains_key(name))) == Some(true)
    }
}

/// Written without a library: only characters of the alphabet, a possible length, and no unused bits set.
fn is_strict_base64url(segment: &str) -> bool {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = |byte: u8| ALPHABET.iter().position(|&other| other == byte);
    let last = segment.bytes().last().and_then(value).unwrap_or_default();
    let fits = match segment.len() % 4 {
        0 => true,
        2 => last.is_multiple_of(16),
        3 => last.is_multiple_of(4),
        _ => false,
    };
    fits && segment.bytes().all(|byte| value(byte).is_some())
}

fn has(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

/// How deep brackets nest in JSON that has none in its strings.
fn depth(text: &[u8]) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    for byte in text {
        match byte {
            b'[' | b'{' => now += 1,
            b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(now);
    }
    deepest
}
