use super::*;

/// Of `wonderland` and of `looking-glass`, cheap to check.
const ALICE: &str = "$argon2id$v=19$m=64,t=1,p=1$x3DQC0WJ9NuI1GYRAmnaqQ$RHIATqcF23a5bJEEvLLVHZdiKfMpWsh8XwhYOGdvS4s";
const BOB: &str = "$argon2id$v=19$m=64,t=1,p=1$rF/poUNExz3KXNWH1zeMUg$rzOu04nwKRL3wJ2vgHhYU+gomn5Xln63er8xzU0ss2E";

fn faults(text: &str) -> Vec<String> {
    Users::parse(text.as_bytes()).err().unwrap_or_default()
}

#[test]
fn a_user_is_who_has_the_name_and_the_password() {
    let text = format!("users:\n- {{name: alice, passwordHash: '{ALICE}'}}\n- {{name: bob, passwordHash: '{BOB}'}}\n");
    let users = Users::parse(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"));
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

/// The names that a client tries must all cost it the same time. What fits the hash of nobody is still nobody's.
#[test]
fn every_name_costs_one_check_of_the_same_cost_and_an_unknown_one_is_nobody_whatever_comes_of_it() {
    let text = format!("users: [{{name: alice, passwordHash: '{ALICE}'}}]");
    let users = Users::parse(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"));
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
fn the_users_file_of_the_documentation_is_one() {
    let (_, rest) = include_str!("../../../../docs/cli.md").split_once("```yaml\n").expect("a users file");
    let (text, _) = rest.split_once("```").expect("its end");
    let users = Users::parse(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert!(users.authenticate("alice", "wonderland").is_some());
}

#[test]
fn claims_keep_their_types_and_order() {
    let text = format!(
        "users:\n- name: alice\n  passwordHash: {ALICE}\n  claims: {{z: '1', a: 1, l: [x, true, null], o: {{k: 1.5}}}}\n"
    );
    let users = Users::parse(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"));
    let claims = &users.by_name["alice"].claims;
    let claims: Vec<_> = claims.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
    assert_eq!(claims, [("z", r#""1""#), ("a", "1"), ("l", r#"["x",true,null]"#), ("o", r#"{"k":1.5}"#)]);
}

#[test]
fn all_faults_are_told_at_once_and_no_hash_with_them() {
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
    let own = "expected other claims than iss, sub, aud, exp, nbf, iat, jti, which the service sets";
    assert_eq!(
        faults(&text),
        [
            "the file: unknown field \"more\", expected users".to_owned(),
            "users[0].name: expected a text of 1 to 256 bytes without colon (HTTP Basic has none) and control characters"
                .to_owned(),
            "users[1]: unknown field \"password\", expected name, passwordHash, claims".to_owned(),
            "users[1].passwordHash: expected an Argon2id hash, as `jwt-auth hash-password` prints one".to_owned(),
            format!("users[2].claims.exp: {own}"),
            format!("users[2].claims.sub: {own}"),
            "users[2].claims: expected texts as names".to_owned(),
            "users[4].claims: expected claims by their names".to_owned(),
            "users[4].name: expected a name that no other user has".to_owned(),
            "users[5].name: expected a name that no other user has".to_owned(),
            "users[6]: expected name, passwordHash, claims".to_owned(),
        ]
    );
}

/// Written as JSON, `.nan` would be null, a tag a name, and a name that is a number a text.
#[test]
fn what_json_has_not_is_a_fault_and_not_something_else() {
    for value in [".nan", "-.inf", "[1, {a: .inf}]", "!x 1", "[!x {a: 1}]", "{a: {1: b}}", "{true: b}", "{[a]: b}"] {
        let text = format!("users: [{{name: alice, passwordHash: '{ALICE}', claims: {{a: {value}, b: 1.5}}}}]");
        let expected = "expected what JSON has, too: no tags, .nan or .inf, and texts as names";
        assert_eq!(faults(&text), [format!("users[0].claims.a: {expected}")], "{value}");
    }
    let whole = format!("users: [{{name: alice, passwordHash: '{ALICE}', claims: {{}}}}]");
    assert_eq!(faults(&whole), Vec::<String>::new());
    for tagged in ["users: !x [", "[!x {name", "name: !x a", "passwordHash: !x '", "claims: !x {"] {
        let plain = tagged.replace("!x ", "");
        assert!(whole.contains(&plain), "{plain}");
        assert_eq!(faults(&whole.replace(&plain, tagged)).len(), 1, "{tagged}");
    }
}

#[test]
fn a_file_without_users_is_a_fault() {
    for text in ["", "users: []", "users: {}", "{}"] {
        assert_eq!(faults(text).len(), 1, "{text}");
    }
    assert!(faults("users: [}")[0].starts_with("no YAML: "));
}

#[test]
fn an_entry_with_one_fault_is_still_compared_with_the_others() {
    let costly = ALICE.replace("t=1", "t=2");
    let text = format!(
        "users:
- {{name: 'a:b', passwordHash: '{ALICE}'}}
- {{name: bob, passwordHash: '{costly}', claims: 1}}
- {{name: bob}}
"
    );
    let faults = faults(&text);
    let begins = [
        "users[0].name: expected a text",
        "users[1].claims: expected claims",
        "users[2].passwordHash: expected an Argon2id hash",
        "users[2].name: expected a name that no other user has",
        "users: expected the same Argon2 parameters",
    ];
    assert_eq!(faults.len(), begins.len(), "{faults:?}");
    for (fault, begin) in faults.iter().zip(begins) {
        assert!(fault.starts_with(begin), "{fault}");
    }
}

#[test]
fn hashes_of_different_cost_are_a_fault() {
    let costly = ALICE.replace("t=1", "t=2");
    let text = format!("users: [{{name: a, passwordHash: '{ALICE}'}}, {{name: b, passwordHash: '{costly}'}}]");
    let faults = faults(&text);
    assert!(faults.len() == 1 && faults[0].starts_with("users: expected the same Argon2 parameters"), "{faults:?}");
}
