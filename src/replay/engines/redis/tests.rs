use super::*;
use crate::replay::MAX_ANSWER_BYTES;

#[test]
fn a_key_cannot_become_another_command_or_format() {
    let request = |key: &[u8], seconds| String::from_utf8(create_or_read(key, "1f", seconds)).unwrap();
    assert_eq!(request(b"jwt", 60), "SET/jwt/1f/NX/EX/60/GET");
    assert_eq!(request(b"a/../b c%2f.txt\n\xff", 0), "SET/a%2F%2E%2E%2Fb%20c%252f%2Etxt%0A%FF/1f/NX/EX/1/GET");
}

#[test]
fn only_an_absent_key_or_the_own_value_wins() {
    let read = |status: &[u8], body: &str| {
        read(EngineReply { headers: &[(":status", status)], body: body.as_bytes(), trailers: &[] }, "1f")
    };
    assert_eq!(read(b"200", r#"{"SET":null}"#), Ok(Answer::Won));
    assert_eq!(read(b"200", r#"{"SET":"1f"}"#), Ok(Answer::Won));
    assert_eq!(read(b"200", r#"{"SET":"2e"}"#), Ok(Answer::Lost));
    for body in [
        r#"{"SET":[true,"OK"]}"#,
        r#"{"SET":""}"#,
        r#"{"SET":false}"#,
        r#"{"SET":1}"#,
        r#"{"GET":null}"#,
        r#"{"SET":null,"GET":null}"#,
        r#"{"SET":null,"SET":null}"#,
        r#"{"set":null}"#,
        r#"{"SET":null"#,
        "{}",
        "[null]",
        "null",
        "",
        "<html>",
    ] {
        assert_eq!(read(b"200", body), Err(EngineFailure::Malformed), "{body}");
    }
    let padded = |size: usize| format!("{:<size$}", r#"{"SET":null}"#);
    assert_eq!(read(b"200", &padded(MAX_ANSWER_BYTES)), Ok(Answer::Won));
    assert_eq!(read(b"200", &padded(MAX_ANSWER_BYTES + 1)), Err(EngineFailure::Malformed));
    let readonly = r#"{"SET":[false,"READONLY You can't write against a read only replica."]}"#;
    let error = "READONLY You can't write against a read only replica.";
    assert_eq!(read(b"200", readonly), Err(engine_error(error.as_bytes())));
    for (status, failure) in [
        (&b"503"[..], EngineFailure::Status(503)),
        (b"201", EngineFailure::Status(201)),
        (b"", EngineFailure::NoAnswer),
        (b"2 0", EngineFailure::NoAnswer),
    ] {
        assert_eq!(read(status, r#"{"SET":null}"#), Err(failure));
    }
}
