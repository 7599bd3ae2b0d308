//! When a token is removed from the cookies, every other cookie keeps its bytes and its position.
//!
//! Input: a digit that selects the header that gets the token, one for the side of it, then a `cookie` header on each
//! line.

use serde_json::json;

use super::world::{self, Input};

/// The property.
pub fn holds(input: &[u8]) {
    let mut input = Input::new(input);
    let (place, in_front) = (input.choice(10), input.choice(2) == 0);
    let mut cookies: Vec<Vec<u8>> = input.rest().split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    let token = world::token(&json!({})).expect("a short token");
    let place = place % cookies.len();
    let mine = format!("t={token}").into_bytes();
    let header = &mut cookies[place];
    *header = if in_front { [mine, header.clone()].join(&b';') } else { [header.clone(), mine].join(&b';') };

    let plugin = world::plugin(json!({"parameter": "t", "parameterLocation": "cookie", "forwardToken": false}));
    let mut headers = vec![(":path".to_owned(), b"/p".to_vec()), ("x-before".to_owned(), b"1".to_vec())];
    headers.extend(cookies.iter().map(|cookie| ("cookie".to_owned(), cookie.clone())));
    let all: Vec<&[u8]> = cookies.iter().flat_map(|header| header.split(|&byte| byte == b';')).collect();
    let (tokens, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|cookie| is_named_t(cookie));
    match world::decide(&plugin, &headers, false) {
        Ok(edits) => {
            let mut edited = headers.clone();
            edits.apply(&mut edited);
            assert_eq!((edits.path, edits.form), (None, None));
            let sent: Vec<_> = edited.iter().filter(|(name, _)| name == "cookie").collect();
            assert!(sent.len() <= 1, "{sent:?}");
            let sent: Vec<&[u8]> = sent.iter().flat_map(|(_, value)| value.split(|&byte| byte == b';')).collect();
            assert_eq!(significant(&sent), significant(&others));
            edited.retain(|(name, _)| name != "cookie");
            headers.retain(|(name, _)| name != "cookie");
            assert_eq!(edited, headers);
        }
        Err(rejection) => assert!(tokens.len() > 1, "{}", rejection.message()),
    }
}

/// The cookies without the space that may follow a separator. Blank cookies at the beginning are left out, because
/// there is nothing before them that they could be separated from.
fn significant<'a>(cookies: &[&'a [u8]]) -> Vec<&'a [u8]> {
    cookies.iter().map(|cookie| cookie.trim_ascii_start()).skip_while(|cookie| cookie.is_empty()).collect()
}

fn is_named_t(cookie: &[u8]) -> bool {
    cookie.iter().position(|&byte| byte == b'=').is_some_and(|end| cookie[..end].trim_ascii() == b"t")
}
