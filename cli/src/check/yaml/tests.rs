use super::*;

fn at(line: usize, column: usize) -> Position {
    Position { line, column }
}

#[test]
fn a_field_is_found_by_its_path_and_a_missing_field_by_its_parent() {
    let text =
        "a: 1\nlist:\n- {x: 1, y: [1, 2]}\n-\n  z.w: {v: 1}\nempty:\n\"q\":\n  deep:\n    - 1\ntwice: 1\ntwice: 2\n";
    let root = &load(text).unwrap()[0];
    for (field, expected) in [
        ("", at(1, 1)),
        ("a", at(1, 1)),
        ("missing", at(1, 1)),
        ("list", at(2, 1)),
        ("list[0]", at(3, 3)),
        ("list[0].y", at(3, 10)),
        ("list[0].y[1]", at(3, 17)),
        ("list[0].missing", at(3, 3)),
        ("list[1].z.w", at(5, 3)),
        ("list[1].z.w.v", at(5, 9)),
        ("list[7]", at(2, 1)),
        ("empty.x", at(6, 1)),
        ("q.deep[0]", at(9, 7)),
        ("twice", at(11, 1)),
    ] {
        assert_eq!(root.locate(field), expected, "{field}");
    }
}

#[test]
fn invalid_yaml_and_too_much_of_it_are_errors_with_their_place() {
    assert_eq!(load("a: 1\nb: [1\n").unwrap_err().0.line, 3);
    let deep = "[".repeat(200) + &"]".repeat(200);
    assert_eq!(load(&deep).unwrap_err(), (at(1, 129), "nested too deeply".to_owned()));
    let laughs = "a: &a [1,1,1,1,1,1,1,1,1,1]\n".to_owned()
        + &('b'..='h')
            .map(|name| {
                let before = char::from_u32(u32::from(name) - 1).unwrap();
                format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(","))
            })
            .collect::<String>();
    assert_eq!(load(&laughs).unwrap_err().1, "aliases expand to too much");
}

#[test]
fn aliases_and_documents_are_separate_values() {
    let documents = load("a: &x {b: 1}\nc: *x\n---\nd\n").unwrap();
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[0].locate("c"), at(2, 1));
    assert_eq!(documents[0].get("c").unwrap().get("b").unwrap().text(), Some("1"));
    assert_eq!(documents[1].text(), Some("d"));
}
