//! What YAML 1.1 takes an untagged plain scalar for, as far as Envoy and Kubernetes agree.

/// Whether it is nothing.
pub(super) fn is_null(text: &str) -> bool {
    ["", "~", "null", "Null", "NULL"].contains(&text)
}

/// The truth values of YAML 1.1, in lower case, upper case or with a capital.
pub(super) fn truth(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let capital = lower.get(..1).map(|first| first.to_ascii_uppercase() + &lower[1..]);
    if ![Some(lower.clone()), Some(lower.to_ascii_uppercase()), capital].contains(&Some(text.to_owned())) {
        return None;
    }
    match lower.as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// A whole number of 64 bits: decimal, `0x` hexadecimal, or octal with a zero in front.
pub(super) fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("-", digits) => ("-", digits),
        ("+", digits) => ("", digits),
        _ => ("", text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}
