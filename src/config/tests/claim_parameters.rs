//! `claimParameters`.

use super::*;

#[test]
fn reserved_invalid_and_duplicate_targets_are_errors() {
    let name = "expected a header name of letters, digits and !#$%&'*+-.^_`|~";
    let framing = "expected a header that is not for the connection or the framing of the message";
    for (parameter, expected) in [
        (":path", name),
        (":authority", name),
        ("a b", name),
        ("a\\r\\nb", name),
        ("Host", framing),
        ("content-length", framing),
        ("Content_Length", framing),
        ("transfer-encoding", framing),
        ("Connection", framing),
        ("keep-alive", framing),
        ("te", framing),
        ("trailer", framing),
        ("upgrade", framing),
    ] {
        let fields = format!(r#"claimParameters: [{{claimName: a, parameterName: "{parameter}", location: header}}]"#);
        assert_eq!(faults_with(&fields), [format!("claimParameters[0].parameterName: {expected}")], "{parameter}");
    }
    let two = |first: &str, second: &str, location: &str| {
        faults_with(&format!(
            "claimParameters: [{{claimName: a, parameterName: {first}, location: {location}}}, \
             {{claimName: b, parameterName: {second}, location: {location}}}]"
        ))
    };
    let with_format = |format: &str| {
        faults_with(&format!(
            "claimParameters: [{{claimName: a, parameterName: b, location: query, format: {format}}}]"
        ))
    };
    assert_eq!(with_format("text"), Vec::<String>::new());
    assert_eq!(with_format("json"), Vec::<String>::new());
    assert_eq!(with_format("JSON"), ["claimParameters[0].format: expected text or json"]);
    assert_eq!(with_format("1"), ["claimParameters[0].format: expected a string"]);
    let twice = ["claimParameters[1].parameterName: expected a target that no other claim has"];
    assert_eq!(two("X-User", "x_user", "header"), twice);
    assert_eq!(two("a", "a", "query"), twice);
    assert_eq!(two("a", "A", "query"), Vec::<String>::new());
}
