use super::*;
use crate::check::yaml::{self, Position};

const NUMBER: fn(f64) -> Kind = Kind::NumberValue;

fn string(text: &str) -> Kind {
    Kind::StringValue(text.to_owned())
}

fn read(text: &str, notation: Notation) -> Result<(Struct, Vec<PlacedFault>), PlacedFault> {
    let (bytes, slips) = struct_bytes(&yaml::load(text).unwrap().remove(0), notation)?;
    Ok((Struct::decode(bytes.as_slice()).unwrap(), slips))
}

/// The elements of a list.
fn kinds(list: &str, notation: Notation) -> Vec<Kind> {
    let (mut read, slips) = read(&format!("{{\"a\": {list}}}"), notation).unwrap();
    assert_eq!(slips, []);
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
fn to_envoy_a_tag_makes_no_string_but_for_the_exclamation_mark() {
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
    let (read, slips) = read("{n: x, list: [{a: b}]}", Notation::Kubernetes).unwrap();
    assert_eq!(read.fields.into_keys().collect::<Vec<_>>(), ["false", "list"]);
    assert_eq!(slips.len(), 1);
}

#[test]
fn envoy_leaves_out_what_is_to_be_ignored_and_has_a_name_for_nothing() {
    let (read, slips) =
        read("{!ignore a: {? [b] : 1}, !ignore [b]: 1, !ignore {c: d}: 1, ~: 1, '~': 2, '': 3}", Notation::Yaml)
            .unwrap();
    assert_eq!(
        (read.fields.into_keys().collect::<Vec<_>>(), slips),
        (vec!["".into(), "null".into(), "~".into()], vec![])
    );
}

#[test]
fn a_key_that_stands_twice_is_told_with_its_place() {
    let text = "a: [{b: 1, c: 2, b: 3}]\nd: 1\nd: 2\n";
    let (read, slips) = read(text, Notation::Yaml).unwrap();
    let at = |line, column| Position { line, column };
    let expected = [PlacedFault::new(at(1, 18), "a[0].b", STANDS_TWICE), PlacedFault::new(at(3, 1), "d", STANDS_TWICE)];
    assert_eq!((slips.as_slice(), read.fields["d"].kind.clone()), (expected.as_slice(), Some(NUMBER(2.0))));
    let in_json = super::tests::read(r#"{"a": 1, "a": 2}"#, Notation::Json).unwrap_err();
    assert_eq!(in_json, PlacedFault::new(at(1, 10), "a", "stands twice; Envoy would not start with it"));
}

#[test]
fn envoy_does_not_start_with_a_key_that_is_no_scalar() {
    let fault = read("a:\n- ? [b]\n  : 1\n", Notation::Yaml).unwrap_err();
    let problem = "expected a key that is a string; Envoy would not start with it";
    assert_eq!(fault, PlacedFault::new(Position { line: 2, column: 5 }, "a[0]", problem));
}
