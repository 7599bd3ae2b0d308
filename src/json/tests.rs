use super::{Object, depth, read_members};

const MAX_DEPTH: u32 = 8;

fn text_of(object: &[u8], name: &str) -> Option<String> {
    Some(Object::parse(object, MAX_DEPTH)?.get(name)?.to_text().unwrap().into_owned())
}

#[test]
fn the_text_of_a_value_keeps_every_digit_and_character() {
    for (json, expected) in [
        (r#""a b""#, "a b"),
        (r#""\u00e9\ud83d\ude00\"""#, "é😀\""),
        ("9007199254740993", "9007199254740993"),
        ("1.10", "1.10"),
        ("-0", "-0"),
        ("1E5", "1E5"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("true", "true"),
        ("false", "false"),
        (r#"["a",1.0,true]"#, "a,1.0,true"),
        ("[]", ""),
        (r#"[[ 1 ], "x"]"#, r#"[[1],"x"]"#),
        (r#"{ "b" : 1.50 , "a" : [ null ] }"#, r#"{"b":1.50,"a":[null]}"#),
        (r#"{"n":"\n\u0007"}"#, r#"{"n":"\n\u0007"}"#),
    ] {
        let object = format!(r#"{{"x":{json}}}"#);
        assert_eq!(text_of(object.as_bytes(), "x").as_deref(), Some(expected), "{json}");
    }
}

#[test]
fn members_are_read_from_an_object_only() {
    #[derive(serde::Deserialize)]
    struct Members {
        a: u8,
    }
    let read = |text: &str| read_members(text.as_bytes()).map(|Members { a }| a);
    for text in [r#"{"a":1}"#, " \n{\"b\":[[]],\"a\":1}\t"] {
        assert_eq!(read(text), Some(1), "{text}");
    }
    for text in ["[1]", "{}", r#"{"a":1,"a":1}"#, r#"{"a":1} x"#, "", "1", "\x0c{\"a\":1}"] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn a_text_that_is_not_exactly_one_json_object_is_an_error() {
    for text in [
        "",
        " ",
        "null",
        "1",
        "\"a\"",
        "[]",
        "{",
        "{}{}",
        "{} x",
        "{,}",
        "{\"a\":}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{a:1}",
        "{'a':1}",
        "\u{feff}{}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\\ud800\"}",
        "{\"\\ud800\":1}",
        "{\"a\":\"\u{1}\"}",
        "{\"a\":1}\0",
    ] {
        assert_eq!(Object::parse(text.as_bytes(), MAX_DEPTH), None, "{text:?}");
    }
    assert_eq!(Object::parse(b"{\"a\":\"\xff\"}", MAX_DEPTH), None, "bytes that are not UTF-8");
}

#[test]
fn a_duplicate_member_is_an_error_at_every_depth_and_in_every_spelling() {
    for text in
        [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":{"a":1,"a":2}}"#, r#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#]
    {
        assert_eq!(Object::parse(text.as_bytes(), MAX_DEPTH), None, "{text}");
    }
    assert!(Object::parse(br#"{"a":1,"A":2,"x":{"a":3}}"#, MAX_DEPTH).is_some());
}

#[test]
fn nesting_at_the_limit_is_read_and_one_level_more_is_an_error() {
    let nested = |depth: u32| {
        let arrays = depth as usize - 1;
        format!(r#"{{"a":{}1{}}}"#, "[".repeat(arrays), "]".repeat(arrays))
    };
    assert!(Object::parse(nested(MAX_DEPTH).as_bytes(), MAX_DEPTH).is_some());
    assert_eq!(Object::parse(nested(MAX_DEPTH + 1).as_bytes(), MAX_DEPTH), None);
    assert_eq!(Object::parse(nested(10_000).as_bytes(), MAX_DEPTH), None);
    assert_eq!(Object::parse("{\"a\":".repeat(10_000).as_bytes(), MAX_DEPTH), None);
}

#[test]
fn brackets_in_strings_do_not_count_as_nesting() {
    for (text, expected) in
        [("", 0), ("1", 0), ("[]", 1), ("[[],[{}]]", 3), (r#"{"[[[":"]}\"[["}"#, 1), (r#"["\\",["#, 2), ("]]][", 1)]
    {
        assert_eq!(depth(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn two_different_arrays_never_have_the_same_text() {
    let error =
        |text: &str| Object::parse(text.as_bytes(), MAX_DEPTH).unwrap().get("a").unwrap().to_text().unwrap_err();
    let comma = "is an array with a comma in an element, so it can't be joined; use format: json";
    assert_eq!(error(r#"{"a":["x,admin"]}"#), comma);
    assert_eq!(error(r#"{"a":["x",","]}"#), comma);
    assert_eq!(error(r#"{"a":["x","\u002c"]}"#), comma);
    let empty = "is an array of one empty string, which would arrive as an empty array; use format: json";
    assert_eq!(error(r#"{"a":[""]}"#), empty);
    assert_eq!(text_of(br#"{"a":["",""]}"#, "a").as_deref(), Some(","));
    assert_eq!(text_of(br#"{"a":[]}"#, "a").as_deref(), Some(""));
}

#[test]
fn json_keeps_types_digits_and_characters_and_escapes_control_characters() {
    for (value, expected) in [
        (r#""a b""#, r#""a b""#),
        (r#""\u00e9\u65e5""#, "\"é日\""),
        ("1.10", "1.10"),
        ("9007199254740993", "9007199254740993"),
        ("[ \"x,admin\" , null,1.0,true ]", r#"["x,admin",null,1.0,true]"#),
        (r#"{ "b": [], "a": {} }"#, r#"{"b":[],"a":{}}"#),
        (r#""\r\n\u0000\u007f\u0085\\""#, r#""\r\n\u0000\u007f\u0085\\""#),
    ] {
        let text = format!(r#"{{"a":{value}}}"#);
        let json = Object::parse(text.as_bytes(), MAX_DEPTH).unwrap().get("a").unwrap().to_json();
        assert_eq!(json, expected, "{value}");
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(read(&json), read(value));
    }
}
