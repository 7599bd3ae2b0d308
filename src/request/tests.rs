use super::*;

fn find(locations: &[TokenLocation], headers: &[(&str, &[u8])]) -> Result<Option<Vec<u8>>, Rejection> {
    let source = TokenSource::new("token".to_owned(), locations.to_vec());
    source.find(Request::new(headers)).map(|found| found.map(Cow::into_owned))
}

const SEVERAL: Rejection = Rejection::Invalid(Invalid::SeveralTokens);

#[test]
fn the_token_in_a_header_is_its_whole_value_without_bearer() {
    for (value, expected) in [
        ("a.b.c", Some("a.b.c")),
        ("Bearer a.b.c", Some("a.b.c")),
        ("bEaReR \t  a.b.c ", Some("a.b.c")),
        ("Bearera.b.c", Some("Bearera.b.c")),
        ("Basic a.b.c", Some("Basic a.b.c")),
        ("Bearer", None),
        (" bearer \t", None),
        ("", None),
        (" \t ", None),
        ("Bearer Bearer", Some("Bearer")),
    ] {
        assert_eq!(
            find(&[TokenLocation::Header], &[("token", value.as_bytes())]),
            Ok(expected.map(|token| token.as_bytes().to_vec())),
            "{value:?}"
        );
    }
    assert_eq!(find(&[TokenLocation::Header], &[("x-token", b"a"), (":path", b"/?token=b")]), Ok(None));
    assert_eq!(find(&[TokenLocation::Header], &[("token", b"\xff\x80")]), Ok(Some(b"\xff\x80".to_vec())));
}

#[test]
fn two_different_header_values_are_rejected_and_two_equal_ones_count_once() {
    for (first, second, expected) in [
        ("a", "a", Ok(Some(b"a".to_vec()))),
        ("Bearer a", "bearer  a", Ok(Some(b"a".to_vec()))),
        ("a", "b", Err(SEVERAL)),
        ("a", "", Err(SEVERAL)),
        ("", "a", Err(SEVERAL)),
        ("", "Bearer", Ok(None)),
    ] {
        assert_eq!(
            find(&[TokenLocation::Header], &[("token", first.as_bytes()), ("token", second.as_bytes())]),
            expected,
            "{first:?}, {second:?}"
        );
        let joined = format!("{first},{second}");
        assert_eq!(find(&[TokenLocation::Header], &[("token", joined.as_bytes())]), expected, "{joined:?}");
    }
}

#[test]
fn the_token_in_a_query_is_the_decoded_value_of_the_decoded_name() {
    for (path, expected) in [
        ("/p?token=a.b.c", Ok(Some("a.b.c"))),
        ("/p?x=1&token=a.b.c&y", Ok(Some("a.b.c"))),
        ("/p?%74o%6Ben=a%2Eb.c", Ok(Some("a.b.c"))),
        ("/p?token=a=b", Ok(Some("a=b"))),
        ("/p?token=a?b", Ok(Some("a?b"))),
        ("/p?token=%zz", Ok(Some("%zz"))),
        ("/p?token=", Ok(None)),
        ("/p?token", Ok(None)),
        ("/p?token=+%20%09", Ok(None)),
        ("/p?Token=a", Ok(None)),
        ("/p?tokens=a", Ok(None)),
        ("/p?token%5B%5D=a", Ok(Some("a"))),
        ("/p?%20token%00x=a", Ok(Some("a"))),
        ("/p?x=1;[token]=a", Ok(Some("a"))),
        ("/p??token=a", Ok(Some("a"))),
        ("/p?x=1&?token=a", Ok(None)),
        ("/p?token=a;x=1", Ok(Some("a;x=1"))),
        ("/p/token=a", Ok(None)),
        ("/p?", Ok(None)),
        ("/p", Ok(None)),
        ("/p?token=a&token=a", Ok(Some("a"))),
        ("/p?token=a&token=b", Err(SEVERAL)),
        ("/p?token=a&%74oken=b", Err(SEVERAL)),
        ("/p?token=&token=b", Err(SEVERAL)),
        ("/p?token=a&token[]=b", Err(SEVERAL)),
        ("/p?token=a&x=1;token=b", Err(SEVERAL)),
    ] {
        assert_eq!(
            find(&[TokenLocation::Query], &[(":path", path.as_bytes())]),
            expected.map(|found| found.map(|token| token.as_bytes().to_vec())),
            "{path}"
        );
    }
    assert_eq!(find(&[TokenLocation::Query], &[(":method", b"CONNECT")]), Ok(None), "CONNECT has no path");
}

#[test]
fn the_token_in_a_cookie_is_the_value_of_exactly_its_name() {
    for (cookies, expected) in [
        (&["token=a.b.c"][..], Ok(Some("a.b.c"))),
        (&["x=1; token=a.b.c; y=2"], Ok(Some("a.b.c"))),
        (&["x=1;token=a"], Ok(Some("a"))),
        (&["token=\"a.b.c\""], Ok(Some("a.b.c"))),
        (&["token=\"a"], Ok(Some("\"a"))),
        (&["token=a=b="], Ok(Some("a=b="))),
        (&["token2=b; tokens=c; Token=d"], Ok(None)),
        (&["token"], Ok(None)),
        (&["token; token=a"], Ok(Some("a"))),
        (&["token="], Ok(None)),
        (&["token=\"\""], Ok(None)),
        (&["", ";", "="], Ok(None)),
        (&["token=a", "token=a"], Ok(Some("a"))),
        (&["token=a; token=b"], Err(SEVERAL)),
        (&["token=a", "token=b"], Err(SEVERAL)),
        (&["token=a; token="], Err(SEVERAL)),
    ] {
        let headers: Vec<_> = cookies.iter().map(|cookie| ("cookie", cookie.as_bytes())).collect();
        assert_eq!(
            find(&[TokenLocation::Cookie], &headers),
            expected.map(|found| found.map(|token| token.as_bytes().to_vec())),
            "{cookies:?}"
        );
    }
}

#[test]
fn locations_are_searched_in_order_and_a_blank_value_is_skipped() {
    let both = [TokenLocation::Header, TokenLocation::Query];
    assert_eq!(find(&both, &[("token", b"a"), (":path", b"/?token=b")]), Ok(Some(b"a".to_vec())));
    assert_eq!(find(&both, &[("token", b"Bearer "), (":path", b"/?token=b")]), Ok(Some(b"b".to_vec())));
    assert_eq!(find(&both, &[(":path", b"/?token=b")]), Ok(Some(b"b".to_vec())));
}
