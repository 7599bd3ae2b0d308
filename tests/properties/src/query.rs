//! A claim in the query appears once, and every other parameter keeps its bytes and its position.
//!
//! Input: a digit for the parameter's name, one for the place of the token, a line with the claim's value, the target.

use serde_json::json;

use super::parameters::{self, NAMES};
use super::world::{self, Input};

/// The place of the token: in a header, or in the query before or after the rest. In the query it is removed.
const TOKENS: [Token; 4] = [Token::Header, Token::HeaderOfUnmapped, Token::QueryFront, Token::QueryBack];

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Header,
    HeaderOfUnmapped,
    QueryFront,
    QueryBack,
}

/// The property.
pub fn holds(input: &[u8]) {
    let mut input = Input::new(input);
    let name = NAMES[input.choice(NAMES.len())];
    let how = TOKENS[input.choice(TOKENS.len())];
    let value = parameters::value_of(input.line());
    let value = (how != Token::HeaderOfUnmapped).then_some(value.as_str());
    let Some(token) = parameters::token_of(value) else { return };
    let in_query = matches!(how, Token::QueryFront | Token::QueryBack);
    let plugin = world::plugin(json!({
        "parameter": "t", "parameterLocation": if in_query { "query" } else { "header" }, "forwardToken": !in_query,
        "claimParameters": [{"claimName": "v", "parameterName": name, "location": "query"}],
    }));
    let target = if in_query { with_token(input.rest(), &token, how) } else { input.rest().to_vec() };
    let headers = vec![(":path".to_owned(), target.clone()), ("t".to_owned(), token.into_bytes())];
    let edits = match world::decide(&plugin, &headers, false) {
        Ok(edits) => edits,
        Err(rejection) => {
            let (_, query) = world::split_target(&target);
            let parameters = query.unwrap_or_default().split(|&byte| byte == b'&');
            let has_two = in_query && parameters.filter(|raw| parameters::is_named(raw, "t")).count() > 1;
            assert!(parameters::is_too_long(value) || has_two, "{}", rejection.message());
            return;
        }
    };
    assert_eq!((edits.headers.len(), &edits.form), (0, &None));
    let edited = edits.path.as_deref().unwrap_or(&target);
    let ((path, query), (edited_path, edited_query)) = (world::split_target(&target), world::split_target(edited));
    assert_eq!(edited_path, path);
    parameters::check(query, edited_query, in_query.then_some("t"), name, value);
}

/// The target with the token in its query.
fn with_token(target: &[u8], token: &str, how: Token) -> Vec<u8> {
    let (path, query) = world::split_target(target);
    let token = format!("t={token}").into_bytes();
    let query = match (query, how) {
        (None, _) => token,
        (Some(query), Token::QueryFront) => [&token, query].join(&b'&'),
        (Some(query), _) => [query, &token].join(&b'&'),
    };
    [path, &query].join(&b'?')
}
