use proptest::prelude::*;

use super::claim_parameter::{CLAIM_EXCERPT_BYTES, MAX_VALUE_BYTES};
use super::*;
use crate::document::parse_for_test;
use crate::header_map::Header;
use crate::request::ParameterNames;
use crate::signature::Verified;
use crate::text::Excerpt;

/// A mapping of `x` to the header X-User and of `y` to the query parameter userId.
fn mapping(hide: Option<TokenSource>) -> Mapping {
    parse_for_test(
        "- {claimName: x, parameterName: X-User, location: header}
- {claimName: y, parameterName: userId, location: query}",
        |field, faults| Mapping::parse(Some(field), None, faults),
    )
    .unwrap()
    .hiding_token(hide)
}

fn headers<'a>(list: &[(&'a str, &'a str)]) -> Vec<Header<'a>> {
    list.iter().map(|&(name, value)| (name, value.as_bytes())).collect()
}

fn plan(claims: &str, sent: &[(&str, &str)], hide: Option<TokenSource>) -> Result<Edits, Rejection> {
    let verified = Verified::for_test(claims);
    let claims = Claims::read(&verified)?;
    let headers = headers(sent);
    let mapping = mapping(hide);
    mapping.edits(Request::new(&headers), &mapping.values(&claims)?)
}

fn edited_path(claims: &str, path: &str) -> Option<String> {
    plan(claims, &[(":path", path)], None).unwrap().path.map(|path| String::from_utf8(path).unwrap())
}

fn removal(name: &str) -> HeaderEdit {
    HeaderEdit::Remove(name.into())
}

fn setting(name: &str, value: &str) -> HeaderEdit {
    HeaderEdit::Set(name.into(), value.as_bytes().into())
}

fn hidden(parameter: &str, location: crate::request::TokenLocation) -> Option<TokenSource> {
    Some(TokenSource::new(parameter.to_owned(), vec![location]))
}

#[test]
fn every_header_that_a_backend_could_read_as_the_target_is_removed() {
    let sent = &[("x-user", "1"), ("x_user", "2"), ("x-user", "3"), ("X_USER", "4"), ("x-users", "5"), ("xuser", "6")];
    assert_eq!(
        plan(r#"{"x":"é"}"#, sent, None).unwrap().headers,
        [removal("x_user"), removal("X_USER"), setting("X-User", "é")]
    );
    assert_eq!(plan("{}", sent, None).unwrap().headers, [removal("x-user"), removal("x_user"), removal("X_USER")]);
    assert_eq!(plan("{}", &[("accept", "*/*")], None).unwrap(), Edits::default());
}

/// The same result as `edits`, by comparing each header with each target.
fn plain_edits(names: &[Rc<str>], values: &[Option<Rc<[u8]>>], sent: &[Header]) -> Vec<HeaderEdit> {
    let mut edits = Vec::new();
    for (name, value) in names.iter().zip(values) {
        let mut removed: Vec<&str> = Vec::new();
        for &(sent, _) in sent {
            let is_replaced = value.is_some() && sent.eq_ignore_ascii_case(name);
            if header::is_same_name(sent, name) && !is_replaced && !removed.contains(&sent) {
                removed.push(sent);
                edits.push(HeaderEdit::Remove(sent.into()));
            }
        }
        if let Some(value) = value {
            let is_there = sent.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
            let put = if is_there { HeaderEdit::Set } else { HeaderEdit::Add };
            edits.push(put(name.clone(), value.clone()));
        }
    }
    edits
}

proptest! {
    #[test]
    fn the_sorted_lookup_gives_the_same_edits_as_comparing_each_header_with_each_target(
        targets in prop::collection::vec(("[aB]{1,2}[-_.][a0]{0,2}", prop::option::of("[a-z]{1,3}")), 0..12),
        sent in prop::collection::vec("[aAbB:]{1,2}[-_.~]?[aA0]{0,2}", 0..40),
    ) {
        let mut names: Vec<Rc<str>> = Vec::new();
        let mut values: Values = Vec::new();
        for (name, value) in &targets {
            if names.iter().all(|other| !header::is_same_name(other, name)) {
                names.push(name.as_str().into());
                values.push(value.as_ref().map(|value| value.as_bytes().into()));
            }
        }
        let sent: Vec<Header> = sent.iter().map(|name| (name.as_str(), b"1".as_slice())).collect();
        let assignments = names.iter().zip(values.iter().map(Option::as_ref));
        let index = header::OwnedHeaders::new(names.iter());
        let edits = header::edits(Request::new(&sent), &index, assignments, None);
        prop_assert_eq!(edits, plain_edits(&names, &values, &sent));
    }
}

#[test]
fn a_connection_header_never_asks_the_next_hop_to_drop_an_owned_header() {
    let edit = |sent: &[(&str, &str)]| plan(r#"{"x":"1"}"#, sent, None).unwrap().headers;
    let put = || HeaderEdit::Add("X-User".into(), (*b"1").into());
    let set = |value: &str| vec![HeaderEdit::Set("connection".into(), value.as_bytes().into()), put()];
    assert_eq!(edit(&[("connection", "Upgrade, X-User")]), set("Upgrade"));
    assert_eq!(edit(&[("connection", "x_user ,, Upgrade,keep-alive\t,X.USER")]), set("Upgrade, keep-alive"));
    assert_eq!(edit(&[("connection", "x-user"), ("connection", "Upgrade")]), set("Upgrade"));
    assert_eq!(edit(&[("connection", "x-user")]), [removal("connection"), put()]);
    for kept in ["Upgrade", "Upgrade, x-users", "close, userId", "", "\"x-user\""] {
        assert_eq!(edit(&[("connection", kept)]), [put()], "{kept}");
    }
    let scrubbed = mapping(None)
        .bypassing_empty_token(true)
        .without_token(Request::new(&headers(&[("connection", "Upgrade, x-user")])))
        .unwrap()
        .headers;
    assert_eq!(scrubbed, [HeaderEdit::Set("connection".into(), (*b"Upgrade").into())]);
}

#[test]
fn a_pseudo_header_is_never_the_same_name_as_a_target() {
    for name in ["_path", "-path", "-method", "_authority"] {
        let pseudo = format!(":{}", &name[1..]);
        assert!(!header::is_same_name(name, &pseudo), "{name}");
        assert!(header::is_same_name(name, &name.replace('_', "-")), "{name}");
    }
}

#[test]
fn a_header_can_be_any_text_up_to_the_limit_but_control_characters() {
    let rejected =
        |problem| Err(Rejection::Invalid(Invalid::Claim { name: Excerpt::new(b"x", CLAIM_EXCERPT_BYTES), problem }));
    for control in ["\\r\\nset-cookie: a", "\\n", "\\u0000", "\\t", "\\u007f", "\\u0085"] {
        let claims = format!(r#"{{"x":"a{control}"}}"#);
        assert_eq!(
            plan(&claims, &[], None),
            rejected("has control characters, which a header can't carry"),
            "{control}"
        );
    }
    let long = |length| format!(r#"{{"x":"{}"}}"#, "a".repeat(length));
    assert!(plan(&long(MAX_VALUE_BYTES), &[], None).is_ok());
    assert_eq!(plan(&long(MAX_VALUE_BYTES + 1), &[], None), rejected("is too long for its target"));
    assert_eq!(plan(r#"{"x":""}"#, &[], None).unwrap().headers, [HeaderEdit::Add("X-User".into(), [].into())]);
}

#[test]
fn the_value_is_appended_once_and_other_query_parameters_stay() {
    let claims = r#"{"y":"a b&c=d/é"}"#;
    let encoded = "userId=a%20b%26c%3Dd%2F%C3%A9";
    for (sent, kept) in [
        ("/p", ""),
        ("/p?", ""),
        ("/p?userId=1", ""),
        ("/p?userId=1&userId=2&%75serId=3&userId[]=4&userId", ""),
        ("/p?a=%2f+&userId=1&&b", "a=%2f+&&b&"),
        ("/p?&", "&&"),
        ("/p?userid=1&userId2=2", "userid=1&userId2=2&"),
    ] {
        assert_eq!(edited_path(claims, sent), Some(format!("/p?{kept}{encoded}")), "{sent}");
    }
}

#[test]
fn without_the_claim_only_the_target_is_removed() {
    for (sent, edited) in [
        ("/p", None),
        ("/p?", None),
        ("/p?a=1&&b", None),
        ("/p?userId=1", Some("/p")),
        ("/p?a=1&userId=1&b=2", Some("/p?a=1&b=2")),
        ("/p?userId=1&", Some("/p?")),
        ("/p?a?userId=1", None),
    ] {
        assert_eq!(edited_path("{}", sent).as_deref(), edited, "{sent}");
    }
    assert_eq!(plan(r#"{"y":"1"}"#, &[(":method", "CONNECT")], None).unwrap().path, None);
}

#[test]
fn without_a_token_the_targets_are_removed_and_a_blank_token_stays() {
    let sent = headers(&[("x-user", "1"), ("authorization", "Bearer"), (":path", "/p?userId=1&a")]);
    let source = hidden("authorization", crate::request::TokenLocation::Header);
    assert_eq!(
        mapping(source).bypassing_empty_token(true).without_token(Request::new(&sent)),
        Ok(Edits {
            admission: Admission::WithoutToken,
            headers: vec![removal("x-user")],
            path: Some(b"/p?a".to_vec()),
            form: None
        })
    );
}

#[test]
fn only_the_hidden_token_is_removed() {
    use crate::request::TokenLocation::{Cookie, Header, Query};
    let sent = &[("authorization", "Bearer t"), ("x_authorization", "u"), (":path", "/?t=1&t[]=2&tt=3")];
    assert_eq!(
        plan("{}", sent, hidden("Authorization", Header)).unwrap(),
        Edits { headers: vec![removal("Authorization")], ..Edits::default() }
    );
    assert_eq!(plan("{}", sent, hidden("t", Query)).unwrap().path, Some(b"/?tt=3".to_vec()));
    for (cookies, expected) in [
        (&["jwt=t"][..], vec![removal("cookie")]),
        (&["a=1; jwt=t; jwt2=\"b\";c"], vec![setting("cookie", "a=1; jwt2=\"b\"; c")]),
        (&["jwt=t;a=1"], vec![setting("cookie", "a=1")]),
        (&["a=1", "jwt=t", "b=2; jwt=t"], vec![setting("cookie", "a=1; b=2")]),
        (&["a=1; jwt"], vec![]),
    ] {
        let sent: Vec<_> = cookies.iter().map(|&cookie| ("cookie", cookie)).collect();
        assert_eq!(plan("{}", &sent, hidden("jwt", Cookie)).unwrap().headers, expected, "{cookies:?}");
    }
}

#[test]
fn a_claim_can_have_the_header_of_the_hidden_token_as_its_target() {
    let edits =
        plan(r#"{"x":"u"}"#, &[("x-user", "token")], hidden("x-user", crate::request::TokenLocation::Header)).unwrap();
    assert_eq!(edits.headers, [removal("x-user"), setting("X-User", "u")]);
}

proptest! {
    #[test]
    fn an_edited_query_has_the_value_once_and_the_others_unchanged(
        parameters in prop::collection::vec("(userId|%75serId|userId%5B%5D|[a-z%+=]{0,6})(=[ -%'-:<-~]{0,8})?", 0..8),
        value in any::<String>(),
    ) {
        prop_assume!(value.len() < 1000);
        let claims = format!(r#"{{"y":{}}}"#, serde_json::to_string(&value).unwrap());
        let query = parameters.join("&");
        let sent = format!("/p?{query}");
        let edited = edited_path(&claims, &sent).unwrap_or(sent);
        let (path, edited) = edited.split_once('?').unwrap();
        prop_assert_eq!(path, "/p");
        let names = ParameterNames::new(["userId"]);
        let is_mine = |parameter: &&str| names.values_in(parameter.as_bytes()).next().is_some();
        let (mine, others): (Vec<_>, Vec<_>) = edited.split('&').partition(is_mine);
        prop_assert_eq!(mine.len(), 1);
        prop_assert_eq!(names.values_in(mine[0].as_bytes()).next().unwrap().into_owned(), value.into_bytes());
        let kept: Vec<_> = query.split('&').filter(|parameter| !query.is_empty() && !is_mine(parameter)).collect();
        prop_assert_eq!(others, kept);
    }
}
