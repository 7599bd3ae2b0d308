use proptest::prelude::*;

use super::name::MAX_LOOKAHEAD;
use super::*;

fn is_read(raw: &str, name: &str) -> bool {
    ParameterNames::new([name]).find_in(raw.as_bytes()).next().is_some()
}

fn edited(names: &[&str], text: &[u8], added: &[Vec<u8>]) -> Option<Vec<u8>> {
    ParameterNames::new(names.iter().copied()).edited(Some(text), added)
}

#[test]
fn every_spelling_of_a_name_is_recognised() {
    for raw in [
        "userId=1",
        "userId",
        "%75serId=1",
        "user%49d=1",
        "userId[]=1",
        "userId%5B0%5D=1",
        "userId[a][b]=1",
        "userId[=1",
        "[userId]=1",
        "]userId=1",
        "%5B%5duserId=1",
        "userId]=1",
        "userId]x=1",
        "+userId=1",
        "%20userId%00x=1",
        "?userId=1",
        "userId.x=1",
        ".userId=1",
        "x;userId=1",
        "x=1;userId=2",
        "x& ]userId=1",
        "a=1&&userId",
    ] {
        assert!(is_read(raw, "userId"), "{raw}");
    }
    for raw in [
        "userid=1",
        "userId2=1",
        "xuserId=1",
        "x=userId",
        "",
        "=userId",
        "x[userId]=1",
        "userId+=1",
        "x%00userId=1",
        "x&?userId=1",
        "%3FuserId=1",
        "userId..x=1",
        "..userId=1",
        "user%2549d=1",
        "userId%3B=1",
        "-userId=1",
    ] {
        assert!(!is_read(raw, "userId"), "{raw}");
    }
    for raw in ["a+b=1", "a%20b=1", "a.b", "a_b", "a[b"] {
        assert!(is_read(raw, "a b"), "{raw}");
    }
    for raw in ["+user_id", "%20+user_id=1", "user_id%00", "user_id%00x=1", "user.id", "user%5Bid=1", "user+id[]=1"] {
        assert!(is_read(raw, "user_id"), "{raw}");
    }
    for raw in ["user-id", "userid", "user_id+", "x%00user_id", "user_id2", "user__id"] {
        assert!(!is_read(raw, "user_id"), "{raw}");
    }
    for raw in ["a+b=1", "a%2Bb=1"] {
        assert!(is_read(raw, "a+b"), "{raw}");
    }
    for raw in [b"userId\xbd=1".as_slice(), b"x=1\xa6userId=2", b"\xf5serId=1"] {
        assert!(ParameterNames::new(["userId"]).find_in(raw).next().is_some(), "{}", raw.escape_ascii());
    }
    // A closing bracket is searched up to a limit. Past the limit it counts as found.
    let long = |length| format!("+userId[{}&x=1", "a".repeat(length));
    assert!(!is_read(&long(MAX_LOOKAHEAD - 1), "userId"));
    assert!(is_read(&long(MAX_LOOKAHEAD), "userId"));
}

#[test]
fn a_member_of_an_object_is_read_from_whatever_could_replace_it() {
    for raw in ["user[id]=1", "user%5Bid%5D[x]=1", "user=1", "user[]=1", "[user][id]=1", "user.id=1"] {
        assert!(is_read(raw, "user[id]"), "{raw}");
    }
    for raw in ["user[name]=1", "users[id]=1", "id=1", "user_name=1"] {
        assert!(!is_read(raw, "user[id]"), "{raw}");
    }
}

#[test]
fn the_parameters_that_stay_are_joined_by_an_ampersand() {
    for (text, expected) in [
        ("a;userId=1;b=2&c", Some("a&b=2&c")),
        ("userId=1;b=2", Some("b=2")),
        ("a=1;b;userId", Some("a=1;b")),
        ("userId=1&?userId=2", None),
        ("&?userId=2", Some("&?userId=2")),
        ("userId=1&", Some("")),
        ("userId=1&userId&x", Some("x")),
        ("", Some("")),
        ("&&", Some("&&")),
    ] {
        let edited = edited(&["userId"], text.as_bytes(), &[]).map(|text| String::from_utf8(text).unwrap());
        assert_eq!(edited.as_deref(), expected, "{text}");
    }
    assert_eq!(edited(&["userId"], b"", &[b"userId=7".to_vec()]).unwrap(), b"userId=7");
    assert_eq!(edited(&["userId"], b"&", &[b"userId=7".to_vec()]).unwrap(), b"&&userId=7");
    assert_eq!(ParameterNames::new(["userId"]).edited(None, &[]), None);
    assert_eq!(ParameterNames::new([]).edited(Some(b"a;b&c"), &[b"d".to_vec()]).unwrap(), b"a;b&c&d");
}

/// Does the same as [`ParameterNames::edited`] without the trie: it compares each parameter with each name.
fn plainly_edited(names: &[&str], text: &str, added: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut kept: Vec<&str> = Vec::new();
    for parameter in text.split('&') {
        let is_first = kept.is_empty();
        let is_owned = |name: &&str| {
            let name = Name::new(name);
            let readings = [Reading::Form, Reading::Uri];
            readings.into_iter().any(|reading| name.is_read_in(&Decoded::new(parameter.as_bytes(), reading), is_first))
        };
        if !names.iter().any(is_owned) {
            kept.push(parameter);
        }
    }
    let kept = if text.is_empty() && !added.is_empty() { Vec::new() } else { kept };
    let all: Vec<&[u8]> = kept.into_iter().map(str::as_bytes).chain(added.iter().map(Vec::as_slice)).collect();
    (!all.is_empty()).then(|| all.join(&b'&'))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn one_pass_over_all_names_gives_the_same_as_comparing_each_parameter_with_each_name(
        text in "((%75|u|us|user|_|[+ ?.\\[\\]%]|%5B|%00|id|x){0,5}(=[a-z%+\\[\\]]{0,20})?&){0,6}(user[_.+]id|u|a\\+b)?(=1)?",
        added in prop::collection::vec(Just(b"u=7".to_vec()), 0..2),
    ) {
        let names = ["u", "us", "user_id", "user", "a+b", "_", "id[x]", "x.id"];
        for names in [&names[..], &names[..1], &names[2..3]] {
            let (fast, plain) = (edited(names, text.as_bytes(), &added), plainly_edited(names, &text, &added));
            prop_assert_eq!(fast.map(|text| text.escape_ascii().to_string()), plain.map(|text| text.escape_ascii().to_string()));
        }
    }
}
