use super::*;

/// Of `wonderland` and of `looking-glass`, cheap to check.
const ALICE: &str = "$argon2id$v=19$m=64,t=1,p=1$x3DQC0WJ9NuI1GYRAmnaqQ$RHIATqcF23a5bJEEvLLVHZdiKfMpWsh8XwhYOGdvS4s";
const BOB: &str = "$argon2id$v=19$m=64,t=1,p=1$rF/poUNExz3KXNWH1zeMUg$rzOu04nwKRL3wJ2vgHhYU+gomn5Xln63er8xzU0ss2E";

fn errors(text: &str) -> Vec<String> {
    Users::parse(text.as_bytes()).err().unwrap_or_default()
}

#[test]
fn a_user_is_found_by_name_and_password() {
    let text = format!("users:\n- {{name: alice, passwordHash: '{ALICE}'}}\n- {{name: bob, passwordHash: '{BOB}'}}\n");
    let users = Users::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}"));
    let found = |name, password| users.authenticate(name, password).map(|user| user.name.as_str());
    for (name, password, expected) in [
        ("alice", "wonderland", Some("alice")),
        ("bob", "looking-glass", Some("bob")),
        ("bob", "wonderland", None),
        ("alice", "looking-glass", None),
        ("alice", "", None),
        ("Alice", "wonderland", None),
        ("carol", "wonderland", None),
        ("", "", None),
    ] {
        assert_eq!(found(name, password), expected, "{name} {password}");
    }
}

/// The time must not reveal which names exist. A password that matches the decoy does not make an unknown name a user.
#[test]
fn every_name_takes_one_check_of_the_same_cost_and_an_unknown_name_is_never_a_user() {
    let text = format!("users: [{{name: alice, passwordHash: '{ALICE}'}}]");
    let users = Users::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}"));
    let cost = StoredHash::parse(ALICE).expect("a hash").cost();
    for (name, expected) in [("alice", Some("alice")), ("carol", None), ("", None)] {
        let mut checks = Vec::new();
        let user = users.authenticate_by(name, |stored| {
            checks.push(stored.cost());
            true
        });
        assert_eq!((user.map(|user| user.name.as_str()), checks), (expected, vec![cost.clone()]), "{name}");
    }
}

#[test]
fn the_users_file_of_the_documentation_is_valid() {
    let (_, rest) = include_str!("../../../../docs/cli.md").split_once("```yaml\n").expect("a users file");
    let (text, _) = rest.split_once("```").expect("its end");
    let users = Users::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}"));
    assert!(users.authenticate("alice", "wonderland").is_some());
}

#[test]
fn claims_keep_their_types_and_order() {
    let text = format!(
        "users:\n- name: alice\n  passwordHash: {ALICE}\n  claims: {{z: '1', a: 1, l: [x, true, null], o: {{k: 1.5}}}}\n"
    );
    let users = Users::parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}"));
    let claims = &users.by_name["alice"].claims;
    let claims: Vec<_> = claims.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
    assert_eq!(claims, [("z", r#""1""#), ("a", "1"), ("l", r#"["x",true,null]"#), ("o", r#"{"k":1.5}"#)]);
}

#[test]
fn all_errors_are_reported_at_once_without_hashes() {
    let text = format!(
        "users:
- {{name: 'a:b', passwordHash: '{ALICE}'}}
- {{name: bob, passwordHash: $2b$12$abcdefghijk, password: x}}
- {{name: carol, passwordHash: '{ALICE}', claims: {{exp: 1, sub: x, 1: y}}}}
- {{name: dave, passwordHash: '{ALICE}'}}
- {{name: dave, passwordHash: '{ALICE}', claims: [a]}}
- {{name: dave, passwordHash: '{ALICE}'}}
- eve
more: 1
"
    );
    let own = "the service sets iss, sub, aud, exp, nbf, iat, jti, cnf itself";
    assert_eq!(
        errors(&text),
        [
            "the file: unknown field \"more\", expected users".to_owned(),
            "users[0].name: expected a string of 1 to 256 bytes without colons (HTTP Basic allows none) and control \
             characters"
                .to_owned(),
            "users[1]: unknown field \"password\", expected name, passwordHash, claims".to_owned(),
            "users[1].passwordHash: expected an Argon2id hash; `jwt-auth hash-password` makes one".to_owned(),
            format!("users[2].claims.exp: {own}"),
            format!("users[2].claims.sub: {own}"),
            "users[2].claims: expected only strings as names of claims".to_owned(),
            "users[4].claims: expected a map of claims".to_owned(),
            "users[4].name: duplicate name".to_owned(),
            "users[5].name: duplicate name".to_owned(),
            "users[6]: expected name, passwordHash, claims".to_owned(),
        ]
    );
}

/// In JSON, `.nan` would become null, a tag a key, and a key that is a number a string.
#[test]
fn a_claim_that_json_cannot_express_is_an_error() {
    for value in [".nan", "-.inf", "[1, {a: .inf}]", "!x 1", "[!x {a: 1}]", "{a: {1: b}}", "{true: b}", "{[a]: b}"] {
        let text = format!("users: [{{name: alice, passwordHash: '{ALICE}', claims: {{a: {value}, b: 1.5}}}}]");
        let expected = "expected a JSON value: no tags, no .nan or .inf, only strings as keys";
        assert_eq!(errors(&text), [format!("users[0].claims.a: {expected}")], "{value}");
    }
    let whole = format!("users: [{{name: alice, passwordHash: '{ALICE}', claims: {{}}}}]");
    assert_eq!(errors(&whole), Vec::<String>::new());
    for tagged in ["users: !x [", "[!x {name", "name: !x a", "passwordHash: !x '", "claims: !x {"] {
        let plain = tagged.replace("!x ", "");
        assert!(whole.contains(&plain), "{plain}");
        assert_eq!(errors(&whole.replace(&plain, tagged)).len(), 1, "{tagged}");
    }
}

#[test]
fn a_file_without_users_is_an_error() {
    for text in ["", "users: []", "users: {}", "{}"] {
        assert_eq!(errors(text).len(), 1, "{text}");
    }
    assert!(errors("users: [}")[0].starts_with("not valid YAML: "));
}

#[test]
fn an_entry_with_an_error_is_still_compared_with_the_others() {
    let costly = ALICE.replace("t=1", "t=2");
    let text = format!(
        "users:
- {{name: 'a:b', passwordHash: '{ALICE}'}}
- {{name: bob, passwordHash: '{costly}', claims: 1}}
- {{name: bob}}
"
    );
    let errors = errors(&text);
    let begins = [
        "users[0].name: expected a string",
        "users[1].claims: expected a map",
        "users[2].passwordHash: expected an Argon2id hash",
        "users[2].name: duplicate name",
        "users: expected the same Argon2 parameters",
    ];
    assert_eq!(errors.len(), begins.len(), "{errors:?}");
    for (error, begin) in errors.iter().zip(begins) {
        assert!(error.starts_with(begin), "{error}");
    }
}

#[test]
fn hashes_of_different_cost_are_an_error() {
    let costly = ALICE.replace("t=1", "t=2");
    let text = format!("users: [{{name: a, passwordHash: '{ALICE}'}}, {{name: b, passwordHash: '{costly}'}}]");
    let errors = errors(&text);
    assert!(errors.len() == 1 && errors[0].starts_with("users: expected the same Argon2 parameters"), "{errors:?}");
}
