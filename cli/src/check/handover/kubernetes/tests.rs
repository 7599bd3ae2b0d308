use serde_json::json;

use super::*;
use crate::check::yaml::{self, Position};

fn read(text: &str) -> Result<(Value, Vec<PlacedFault>), PlacedFault> {
    json(&yaml::load(text).unwrap().remove(0))
}

/// The JSON of what is read without a slip.
fn clean(text: &str) -> Value {
    let (value, slips) = read(text).unwrap();
    assert_eq!(slips, [], "{text}");
    value
}

#[test]
fn kubernetes_reads_yaml_as_json() {
    let text = "[5, -5, 017, 0x1F, 08, 1.5, 1e3, 5000000000, '5', true, 'true', yes, On, NO, oN, y, ~, '', null, a b]";
    let expected = json!([
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
    let text = "[! 5, ! '5', ! null, !!str 5, !!str null, !!int '5', !!bool 'true', !!float 5, !!float '1.5', !!null '', \
                !foo 'true', !foo true, !ignore 5]";
    let expected = json!(["5", "5", "null", "5", "null", 5, true, 5, 1.5, null, "true", "true", "5"]);
    assert_eq!(clean(text), expected);
    for text in ["!!int 1.5", "!!int foo", "!!bool 5", "!!null x", "!!float x"] {
        let problem = "is not what its tag says; Kubernetes would not take the file";
        let expected = PlacedFault::new(Position { line: 1, column: 5 }, "a[0]", problem);
        assert_eq!(read(&format!("a: [{text}]")).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn kubernetes_knows_more_numbers_and_merges() {
    let numbers = "[0b101, 0o17, 1_000, -0x1F, .5, 5., 1e3, +1, .inf, 1.2.3, 2026-11-21, 0b2, '1_0']";
    assert_eq!(
        clean(numbers),
        json!([5, 15, 1000, -31, 0.5, 5.0, 1000.0, 1, ".inf", "1.2.3", "2026-11-21", "0b2", "1_0"])
    );
    let merged = clean("a: &a {x: 1, 'y': 1}\nb: &b {'y': 2, z: 2}\nc: {<<: [*a, *b], z: 3}\nd: {'<<': {x: 1}}");
    assert_eq!(merged["c"], json!({"x": 1, "y": 1, "z": 3}));
    assert_eq!(merged["d"], json!({"<<": {"x": 1}}));
}

#[test]
fn a_key_that_kubernetes_takes_for_something_else_is_told_with_its_place() {
    let (value, slips) = read("{5: a, 'yes': b, jwk: {n: AQAB, 'n': c, ! y: d}}").unwrap();
    assert_eq!(value, json!({"5": "a", "yes": "b", "jwk": {"false": "AQAB", "n": "c", "y": "d"}}));
    let problem = "Kubernetes takes the key n for false: put it in quotes";
    assert_eq!(slips, [PlacedFault::new(Position { line: 1, column: 24 }, "jwk.n", problem)]);
}

#[test]
fn a_key_that_stands_twice_is_told_with_its_place_and_one_that_is_merged_is_not() {
    let (value, slips) = read("a: &a {b: 1}\nc: {<<: *a, b: 2}\nd: [{e: 1, e: 2}]\n").unwrap();
    assert_eq!(value, json!({"a": {"b": 1}, "c": {"b": 2}, "d": [{"e": 2}]}));
    assert_eq!(slips, [PlacedFault::new(Position { line: 3, column: 12 }, "d[0].e", STANDS_TWICE)]);
}

#[test]
fn kubernetes_does_not_take_a_key_that_is_no_string() {
    for (text, column) in [("{a: {~: 1}}", 6), ("{a: {? [b] : 1}}", 8), ("{a: {? {b: c} : 1}}", 8)] {
        let problem = "expected a key that is a string; Kubernetes would not take the file";
        assert_eq!(read(text).unwrap_err(), PlacedFault::new(Position { line: 1, column }, "a", problem), "{text}");
    }
}
