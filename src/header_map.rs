//! The format in which a proxy-wasm host and a module exchange headers.

/// A header: its name in lower case, such as `:path` or `accept`, and its value, which can be any bytes.
pub type Header<'a> = (&'a str, &'a [u8]);

/// Reads a serialized header map. The headers borrow from it.
///
/// The format is the number of headers, then the lengths of each name and value, all as 32-bit little-endian numbers,
/// then each name and value, both followed by a zero byte. An empty input is an empty map.
///
/// `None` if the lengths do not match the bytes, or a name is not UTF-8. No known host sends such a map.
///
/// ```
/// use jwt_auth::{decode_header_map, encode_header_map};
///
/// let headers = vec![(":path", b"/orders".as_slice()), ("accept", b"*/*".as_slice())];
/// assert_eq!(decode_header_map(&encode_header_map(&headers)), Some(headers));
/// assert_eq!(decode_header_map(b"no header map"), None);
/// ```
pub fn decode(serialized: &[u8]) -> Option<Vec<Header<'_>>> {
    if serialized.is_empty() {
        return Some(Vec::new());
    }
    let (count, rest) = serialized.split_first_chunk()?;
    let count = u32::from_le_bytes(*count) as usize;
    let (lengths, mut texts) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut headers = Vec::with_capacity(count);
    for lengths in lengths.as_chunks::<8>().0 {
        let &[a, b, c, d, e, f, g, h] = lengths;
        let name = take(&mut texts, u32::from_le_bytes([a, b, c, d]))?;
        let value = take(&mut texts, u32::from_le_bytes([e, f, g, h]))?;
        headers.push((str::from_utf8(name).ok()?, value));
    }
    texts.is_empty().then_some(headers)
}

/// Serializes headers in the format that [`decode`] reads.
pub fn encode(headers: &[Header]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let count = u32::try_from(headers.len()).unwrap_or(u32::MAX).to_le_bytes();
    let lengths = headers.iter().flat_map(|(name, value)| [length(name.as_bytes()), length(value)]);
    let texts = headers.iter().flat_map(|(name, value)| [name.as_bytes(), &[0], value, &[0]]);
    let mut serialized = count.to_vec();
    serialized.extend(lengths.flatten());
    serialized.extend(texts.flatten());
    serialized
}

/// Removes a text of this length and its zero byte from the front, and returns the text.
fn take<'a>(texts: &mut &'a [u8], length: u32) -> Option<&'a [u8]> {
    let (text, rest) = texts.split_at_checked(length as usize)?;
    let (&end, rest) = rest.split_first()?;
    *texts = rest;
    (end == 0).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serialized(headers: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut bytes = (headers.len() as u32).to_le_bytes().to_vec();
        for (name, value) in headers {
            bytes.extend((name.len() as u32).to_le_bytes());
            bytes.extend((value.len() as u32).to_le_bytes());
        }
        for (name, value) in headers {
            bytes.extend([name, &[0][..], value, &[0]].concat());
        }
        bytes
    }

    #[test]
    fn a_serialized_map_is_read_back_unchanged() {
        let headers: &[(&[u8], &[u8])] =
            &[(b":path", b"/a?b"), (b"x-empty", b""), (b"x-bytes", b"\xff\0\r\n"), (b"x-bytes", b"2"), (b"", b"")];
        let read: Vec<Header> = headers.iter().map(|&(name, value)| (str::from_utf8(name).unwrap(), value)).collect();
        assert_eq!(encode(&read), serialized(headers));
        assert_eq!(encode(&[]), serialized(&[]));
        assert_eq!(decode(&serialized(headers)), Some(read));
        assert_eq!(decode(&serialized(&[])), Some(Vec::new()));
        assert_eq!(decode(b""), Some(Vec::new()));
    }

    #[test]
    fn a_malformed_header_map_is_not_read() {
        let valid = serialized(&[(b"x-a", b"1"), (b"x-b", b"23")]);
        for length in 1..valid.len() {
            assert_eq!(decode(&valid[..length]), None, "cut at {length}");
        }
        assert_eq!(decode(&[&valid[..], b"\0"].concat()), None, "a byte after the map");
        for at in [0, 4, 8, 12, 16] {
            let mut longer = valid.clone();
            longer[at + 3] = 0xff;
            assert_eq!(decode(&longer), None, "a length beyond the end, at {at}");
        }
        let mut unterminated = valid.clone();
        *unterminated.last_mut().unwrap() = 1;
        assert_eq!(decode(&unterminated), None, "no zero byte after the value");
        assert_eq!(decode(&serialized(&[(b"x-\xff", b"1")])), None, "a name that is not UTF-8");
    }
}
