use std::fmt::Debug;

use crate::http::Response;
use crate::rows::{Expected, Step};

/// Compares a response, and the number of requests that reached the backend, with the expected result of a step.
///
/// # Errors
/// The result and the expected result; long values are shortened.
pub fn judge(step: &Step, response: &Response, reached: usize) -> Result<(), String> {
    if let Some(expected) = step.expected.response() {
        // Envoy adds these.
        let is_ours = |name: &str| !["content-length", "date", "server", "connection"].contains(&name);
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = response.headers.iter().filter(|(name, _)| is_ours(name));
        let mut headers: Vec<_> = headers.map(|(name, value)| (name.clone(), text(value))).collect();
        headers.sort();
        let found = (response.status, headers, response.text(), reached);
        let (status, headers, body) = expected;
        let expected = (status, headers, if step.request.method == "HEAD" { String::new() } else { body }, 0);
        return same(found == expected, &found, &expected);
    }
    match &step.expected {
        Expected::Passes { target, body, .. } => {
            let Ok(echoed) = response.echoed() else {
                return Err(format!("{}: {}, expected to pass", response.status, cut(&response.body)));
            };
            let mut headers = echoed.headers.clone();
            // The headers that frame the body may change with it. The upstream has used them to read the body.
            headers.retain(|(name, _)| !["host", "content-length", "transfer-encoding"].contains(&name.as_str()));
            headers.sort();
            let mut expected = step.expected.backend_headers(&step.request.headers);
            // The codec removes white space around a value [RFC 9110 §5.5].
            expected.iter_mut().for_each(|(_, value)| *value = value.trim_ascii().to_vec());
            let is_same = (response.status, reached) == (200, 1)
                && (&echoed.target, &headers, &echoed.body) == (target, &expected, body);
            let shown = |headers: &[(String, Vec<u8>)]| {
                headers.iter().map(|(name, value)| format!("{name}: {:.60}", cut(value))).collect::<Vec<_>>()
            };
            let found = (response.status, reached, cut(&echoed.target), shown(&headers), cut(&echoed.body));
            same(is_same, &found, &(200, 1, cut(target), shown(&expected), cut(body)))
        }
        _ => Err("there is no expected result".to_owned()),
    }
}

/// The first 200 bytes, as text.
pub fn cut(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned()
}

fn same(is_same: bool, found: &dyn Debug, expected: &dyn Debug) -> Result<(), String> {
    if is_same { Ok(()) } else { Err(format!("{found:?}, expected {expected:?}")) }
}
