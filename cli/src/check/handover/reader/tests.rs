use serde_json::json as value;

use super::*;
use crate::check::yaml::{self, Position};

const NUMBER: fn(f64) -> Kind = Kind::NumberValue;

fn string(text: &str) -> Kind {
    Kind::StringValue(text.to_owned())
}

fn read(text: &str, notation: Notation) -> Result<(Struct, Vec<Finding>), Finding> {
    let (bytes, silent_errors) = struct_bytes(&yaml::load(text).unwrap().remove(0), notation)?;
    Ok((Struct::decode(bytes.as_slice()).unwrap(), silent_errors))
}

/// The elements of a list.
fn kinds(list: &str, notation: Notation) -> Vec<Kind> {
    let (mut read, silent_errors) = read(&format!("{{\"a\": {list}}}"), notation).unwrap();
    assert_eq!(silent_errors, []);
    let Kind::ListValue(list) = read.fields.remove("a").unwrap().kind.unwrap() else { panic!("no list") };
    list.values.into_iter().map(|value| value.kind.unwrap()).collect()
}

#[test]
fn envoy_reads_a_struct_in_its_own_way() {
    let text = "[5, -5, 017, 0x1F, 08, 1.5, 1e3, 5000000000, '5', true, 'true', yes, On, NO, oN, y, ~, '', null, a b]";
    let expected = [
        NUMBER(5.0),
        NUMBER(-5.0),
        NUMBER(15.0),
        NUMBER(31.0),
        string("08"),
        string("1.5"),
        string("1e3"),
        string("5000000000"),
        string("5"),
        Kind::BoolValue(true),
        string("true"),
        Kind::BoolValue(true),
        Kind::BoolValue(true),
        Kind::BoolValue(false),
        string("oN"),
        Kind::BoolValue(true),
        Kind::NullValue(0),
        string(""),
        Kind::NullValue(0),
        string("a b"),
    ];
    assert_eq!(kinds(text, Notation::Yaml), expected);
}

#[test]
fn only_the_tag_of_an_exclamation_mark_makes_a_string_for_envoy() {
    let text =
        "[!!str 5, !!str '5', !!int '5', !!bool 'true', !foo 'true', !foo x, !!str null, !!null '', ! 5, ! null]";
    let expected = [
        NUMBER(5.0),
        NUMBER(5.0),
        NUMBER(5.0),
        Kind::BoolValue(true),
        Kind::BoolValue(true),
        string("x"),
        string("null"),
        string(""),
        string("5"),
        string("null"),
    ];
    assert_eq!(kinds(text, Notation::Yaml), expected);
}

#[test]
fn envoy_reads_a_struct_of_json_as_it_is() {
    let expected =
        [NUMBER(5.0), NUMBER(1.5), NUMBER(30.0), NUMBER(5e9), string("5"), Kind::BoolValue(true), Kind::NullValue(0)];
    assert_eq!(kinds(r#"[5, 1.5, 30.0, 5000000000, "5", true, null]"#, Notation::Json), expected);
}

#[test]
fn a_struct_that_kubernetes_reads_is_of_its_json() {
    let expected = [NUMBER(5.0), NUMBER(1.5), string("5"), Kind::BoolValue(true), Kind::NullValue(0)];
    assert_eq!(kinds("[!!int '5', 1.5, !!str 5, yes, ~]", Notation::Kubernetes), expected);
    let (read, silent_errors) = read("{n: x, list: [{a: b}]}", Notation::Kubernetes).unwrap();
    assert_eq!(read.fields.into_keys().collect::<Vec<_>>(), ["false", "list"]);
    assert_eq!(silent_errors.len(), 1);
}

#[test]
fn envoy_skips_ignored_keys_and_calls_an_empty_key_null() {
    let (read, silent_errors) =
        read("{!ignore a: {? [b] : 1}, !ignore [b]: 1, !ignore {c: d}: 1, ~: 1, '~': 2, '': 3}", Notation::Yaml)
            .unwrap();
    assert_eq!(
        (read.fields.into_keys().collect::<Vec<_>>(), silent_errors),
        (vec!["".into(), "null".into(), "~".into()], vec![])
    );
}

#[test]
fn envoy_keeps_the_last_of_duplicate_keys_in_yaml_and_rejects_them_in_json() {
    let text = "a: [{b: 1, c: 2, b: 3}]\nd: 1\nd: 2\n";
    let (read, silent_errors) = read(text, Notation::Yaml).unwrap();
    let at = |line, column| Position { line, column };
    let expected = [
        Finding::new(at(1, 18), "a[0].b", "duplicate key; the last value wins"),
        Finding::new(at(3, 1), "d", "duplicate key; the last value wins"),
    ];
    assert_eq!((silent_errors.as_slice(), read.fields["d"].kind.clone()), (expected.as_slice(), Some(NUMBER(2.0))));
    let in_json = self::read(r#"{"a": 1, "a": 2}"#, Notation::Json).unwrap_err();
    assert_eq!(in_json, Finding::new(at(1, 10), "a", "duplicate key; Envoy would not start with it"));
}

#[test]
fn envoy_does_not_start_with_a_key_that_is_not_a_scalar() {
    let fault = read("a:\n- ? [b]\n  : 1\n", Notation::Yaml).unwrap_err();
    let problem = "expected a string as the key; Envoy would not start with it";
    assert_eq!(fault, Finding::new(Position { line: 2, column: 5 }, "a[0]", problem));
}

fn kubernetes(text: &str) -> Result<(Value, Vec<Finding>), Finding> {
    json(&yaml::load(text).unwrap().remove(0), Notation::Kubernetes)
}

/// The JSON of what is read without a slip.
fn clean(text: &str) -> Value {
    let (found, silent_errors) = kubernetes(text).unwrap();
    assert_eq!(silent_errors, [], "{text}");
    found
}

#[test]
fn kubernetes_reads_yaml_as_json() {
    let text = "[5, -5, 017, 0x1F, 08, 1.5, 1e3, 5000000000, '5', true, 'true', yes, On, NO, oN, y, ~, '', null, a b]";
    let expected = value!([
        5,
        -5,
        15,
        31,
        8.0,
        1.5,
        1000.0,
        5_000_000_000_i64,
        "5",
        true,
        "true",
        true,
        true,
        false,
        "oN",
        true,
        null,
        "",
        null,
        "a b"
    ]);
    assert_eq!(clean(text), expected);
}

/// What `kubectl annotate --local -o json` (1.32) makes of them.
#[test]
fn to_kubernetes_a_tag_is_a_type_for_what_is_in_quotes_too() {
    let text = "[! 5, ! '5', ! null, !!str 5, !!str null, !!int '5', !!bool 'true', !!float 5, !!float '1.5', !!null \
    '', \
                !foo 'true', !foo true, !ignore 5]";
    let expected = value!(["5", "5", "null", "5", "null", 5, true, 5, 1.5, null, "true", "true", "5"]);
    assert_eq!(clean(text), expected);
    for text in ["!!int 1.5", "!!int foo", "!!bool 5", "!!null x", "!!float x"] {
        let problem = "the value does not match its tag; Kubernetes would reject the file";
        let expected = Finding::new(Position { line: 1, column: 5 }, "a[0]", problem);
        assert_eq!(kubernetes(&format!("a: [{text}]")).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn kubernetes_knows_more_numbers_and_merges() {
    let numbers = "[0b101, 0o17, 1_000, -0x1F, .5, 5., 1e3, +1, .inf, 1.2.3, 2026-11-21, 0b2, '1_0']";
    assert_eq!(
        clean(numbers),
        value!([5, 15, 1000, -31, 0.5, 5.0, 1000.0, 1, ".inf", "1.2.3", "2026-11-21", "0b2", "1_0"])
    );
    let merged = clean("a: &a {x: 1, 'y': 1}\nb: &b {'y': 2, z: 2}\nc: {<<: [*a, *b], z: 3}\nd: {'<<': {x: 1}}");
    assert_eq!(merged["c"], value!({"x": 1, "y": 1, "z": 3}));
    assert_eq!(merged["d"], value!({"<<": {"x": 1}}));
}

#[test]
fn a_key_that_kubernetes_reads_as_a_boolean_is_an_error_with_its_place() {
    let (found, silent_errors) = kubernetes("{5: a, 'yes': b, jwk: {n: AQAB, 'n': c, ! y: d}}").unwrap();
    assert_eq!(found, value!({"5": "a", "yes": "b", "jwk": {"false": "AQAB", "n": "c", "y": "d"}}));
    let problem = "Kubernetes reads the key n as false: put it in quotes";
    assert_eq!(silent_errors, [Finding::new(Position { line: 1, column: 24 }, "jwk.n", problem)]);
}

#[test]
fn kubernetes_keeps_the_last_of_duplicate_keys_and_a_merged_key_is_none() {
    let (found, silent_errors) = kubernetes("a: &a {b: 1}\nc: {<<: *a, b: 2}\nd: [{e: 1, e: 2}]\n").unwrap();
    assert_eq!(found, value!({"a": {"b": 1}, "c": {"b": 2}, "d": [{"e": 2}]}));
    assert_eq!(
        silent_errors,
        [Finding::new(Position { line: 3, column: 12 }, "d[0].e", "duplicate key; the last value wins")]
    );
}

#[test]
fn kubernetes_rejects_a_key_that_is_not_a_string() {
    for (text, column) in [("{a: {~: 1}}", 6), ("{a: {? [b] : 1}}", 8), ("{a: {? {b: c} : 1}}", 8)] {
        let problem = "expected a string as the key; Kubernetes would reject the file";
        assert_eq!(kubernetes(text).unwrap_err(), Finding::new(Position { line: 1, column }, "a", problem), "{text}");
    }
}
