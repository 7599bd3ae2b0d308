//! Configuration errors and warnings of `jwt-auth check`, and their positions.

mod support;

use kit::issuer::{Algorithm, SigningKey};
use serde_json::{Value, json};
use support::{Answer, jwt_auth, repository};

const KEY: &str = "{kty: oct, k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}";

/// A plugin configuration with errors. Each such line names the fields with errors in a comment.
const FAULTY: &str = "\
parameter: ''                        # parameter
parameterLocation: body              # parameterLocation
claimParameters:
- claimName: sub
  parameterName: host                # claimParameters[0].parameterName
  location: header
- {claimName: a, location: nowhere}  # claimParameters[1].parameterName claimParameters[1].location

- parameterName: x                   # claimParameters[2].claimName
  location: query
jwks:
- kty: RSA                           # jwks[0].e
  \"n\": AQAB
-
  {kty: oct, k: AAAA}                # jwks[1].k
tokenCache:
  maxEntry: 1                        # tokenCache.maxEntry
audiences: []                        # audiences
\"preventJti.Replay\": true            # preventJti.Replay
issuer:
  - ok
  - ''                               # issuer[1]
clockSkewSeconds: 7200               # clockSkewSeconds
";

fn check(file: &str, more: &[&str]) -> Answer {
    jwt_auth(&[&["check", "--config", "-"], more].concat(), file.as_bytes())
}

/// Line and field of each configuration error in a file with one plugin.
fn errors(file: &str) -> Vec<(u64, String)> {
    let answer = check(file, &["--json"]);
    let json = answer.json();
    let errors = json["plugins"][0]["errors"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    assert_eq!(answer.status, i32::from(!errors.is_empty()));
    errors.iter().map(|error| (error["line"].as_u64().unwrap(), error["field"].as_str().unwrap().to_owned())).collect()
}

/// The fields in the comments, and their lines.
fn marked(file: &str) -> Vec<(u64, String)> {
    let lines = (1..).zip(file.lines()).filter_map(|(number, line)| Some((number, line.split_once(" # ")?.1)));
    lines.flat_map(|(number, fields)| fields.split(' ').map(move |field| (number, field.to_owned()))).collect()
}

fn sorted(mut errors: Vec<(u64, String)>) -> Vec<(u64, String)> {
    errors.sort();
    errors
}

fn indented(text: &str, by: usize) -> String {
    text.lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{}{line}\n", " ".repeat(by)) })
        .collect()
}

fn wasm_filter(form: &str, value: &str) -> String {
    format!(
        "static_resources:\n  listeners:\n  - filter_chains:\n    - filters:\n      - typed_config:\n          http_filters:\n          \
         - name: jwt-auth\n            typed_config:\n              config:\n                vm_config: {{}}\n                \
         configuration:\n                  \"@type\": type.googleapis.com/google.protobuf.{form}\n                  value:{value}"
    )
}

#[test]
fn every_error_has_the_line_of_its_field_in_every_kind_of_file() {
    let forms = [
        FAULTY.to_owned(),
        format!("# comment\n---\n{FAULTY}"),
        wasm_filter("StringValue", &format!(" |\n{}", indented(FAULTY, 20))),
        wasm_filter("StringValue", &format!(" |2-\n\n\n{}", indented(FAULTY, 20))),
        wasm_filter("Struct", &format!("\n{}", indented(FAULTY, 20))),
        format!("a: b\n---\nkind: WasmPlugin\nspec:\n  pluginConfig:\n{}", indented(FAULTY, 4)),
        format!("kind: EnvoyExtensionPolicy\nspec:\n  wasm:\n  - name: x\n    config:\n{}", indented(FAULTY, 6)),
    ];
    for file in forms {
        assert!(marked(&file).len() == 13, "{:?}", marked(&file));
        // The RSA key has two errors, a short modulus and a missing exponent, but only one is marked.
        let found = errors(&file).into_iter().filter(|(_, field)| field != "jwks[0].n").collect();
        assert_eq!(sorted(found), sorted(marked(&file)), "{file}");
    }
}

#[test]
fn an_error_in_json_on_one_line_has_its_column() {
    let plugin = json!({"jwk": {"kty": "oct", "k": "AAAA"}, "parameter": "t"}).to_string();
    let column_of = |file: &str| {
        let json = check(file, &["--json"]).json();
        let error = &json["plugins"][0]["errors"][0];
        (
            error["line"].as_u64().unwrap(),
            error["column"].as_u64().unwrap(),
            error["field"].as_str().unwrap().to_owned(),
        )
    };
    let place = |file: &str, mark: &str| {
        let (line, text) = (1..).zip(file.lines()).find(|(_, line)| line.contains(mark)).unwrap();
        (line, text.find(mark).unwrap() as u64 + 1, "jwk.k".to_owned())
    };
    assert_eq!(column_of(&plugin), place(&plugin, "\"k\""));
    let quoted = wasm_filter("StringValue", &format!(" '{plugin}'"));
    assert_eq!(column_of(&quoted), place(&quoted, "\"k\""));
    let in_json = json!({"vm_config": {}, "configuration":
        {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": plugin}})
    .to_string();
    assert_eq!(column_of(&in_json), place(&in_json, "\\\"k\\\""));
}

#[test]
fn a_configuration_that_is_not_yaml_has_the_line_of_the_error() {
    for (text, line) in
        [("parameter: [t\njwk: {}\n", 2), ("a: 1\nb: 2\n\tc: 3\n", 3), ("a: 1\na: 2\n", 1), ("a: 1\n---\nb: 1\n", 1)]
    {
        assert_eq!(errors(text), [(line, String::new())], "{text}");
        let file = wasm_filter("StringValue", &format!(" |\n{}", indented(text, 20)));
        if !text.contains('\t') {
            assert_eq!(errors(&file), [(line + 13, String::new())], "{file}");
        }
    }
    let bytes = jwt_auth(&["check", "--config", "-"], b"a: 1\nb: \xff\n");
    assert_eq!((bytes.status, bytes.stderr.lines().next()), (2, Some("jwt-auth: stdin:2: not UTF-8")));
}

#[test]
fn an_envoy_file_that_is_not_yaml_has_the_line_of_the_error() {
    let file = wasm_filter("StringValue", " |\n                    a: 1\n    bad: [\n");
    let found = errors(&file);
    assert!(found.len() == 1 && found[0].0 >= 14 && found[0].1.is_empty(), "{found:?}");
}

#[test]
fn the_examples_for_envoy_and_in_the_readme_have_no_errors() {
    let expect = |name: &str, plugins: &[&str]| {
        let path = repository(name);
        let answer = jwt_auth(&["check", "--json", "--config", path.to_str().unwrap()], b"");
        let json = answer.json();
        let names: Vec<_> = json["plugins"].as_array().unwrap().iter().map(|plugin| plugin["name"].clone()).collect();
        assert!(json["plugins"].as_array().unwrap().iter().all(|plugin| plugin["warnings"] == json!([])), "{json}");
        assert_eq!(
            (answer.status, names, json["skipped"].as_array().unwrap().len()),
            (0, plugins.iter().map(|name| Value::from(*name)).collect(), 0),
            "{name}"
        );
    };
    let mut files: Vec<_> =
        std::fs::read_dir(repository("envoy")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    let expected = [
        "auth0.yaml",
        "entra-id.yaml",
        "envoy-gateway.yaml",
        "envoy.yaml",
        "fapi.yaml",
        "google.yaml",
        "istio-guard.yaml",
        "istio-keycloak.yaml",
        "istio-wasmplugin.yaml",
        "jti-etcd.yaml",
        "jti-redis.yaml",
        "keycloak.yaml",
        "mcp.yaml",
        "per-route.yaml",
        "upstream.yaml",
    ];
    assert_eq!(files, expected);
    for name in [
        "auth0",
        "entra-id",
        "envoy-gateway",
        "envoy",
        "fapi",
        "google",
        "istio-wasmplugin",
        "jti-etcd",
        "jti-redis",
        "keycloak",
        "mcp",
    ] {
        expect(&format!("envoy/{name}.yaml"), &["jwt-auth"]);
    }
    expect("envoy/per-route.yaml", &["jwt-auth", "jwt-auth-payments"]);
    expect("tests/kit/src/rows/page-example.yaml", &["plugin"]);
    for name in ["envoy/istio-guard.yaml", "envoy/istio-keycloak.yaml", "envoy/upstream.yaml"] {
        let other = jwt_auth(&["check", "--config", repository(name).to_str().unwrap()], b"");
        assert_eq!(other.status, 2, "{name} has no plugin");
        assert!(other.stderr.contains("the file has no jwt-auth configuration"), "{other:?}");
    }

    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    let blocks: Vec<&str> = readme.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2);
    assert_eq!(errors(blocks[0]), []);
    // The filter in Envoy, with a shortened plugin configuration.
    assert_eq!(errors(blocks[1]), [(15, "jwk".to_owned())]);
}

#[test]
fn with_several_plugins_all_are_checked_and_the_named_one_decides() {
    let plugin = |name: &str, lines: &str| {
        format!(
            "- name: {name}\n  vm_config: {{}}\n  configuration:\n    '@type': google.protobuf.StringValue\n    value: |\n      jwk: {KEY}\n      {lines}\n"
        )
    };
    let file = plugin("a", "parameter: A") + &plugin("b", "parameter: B") + &plugin("b", "parameter: C");
    let code = |more: &[&str]| {
        let answer = check(&file, &[&["--json", "--header", "c: x"], more].concat());
        (
            answer.status,
            answer.stderr.clone(),
            if answer.status == 1 { answer.json()["decision"]["code"].clone() } else { Value::Null },
        )
    };
    assert_eq!(code(&["--plugin", "a"]).2, "I400JR");
    assert_eq!(code(&["--plugin", "3"]).2, "I400JD");
    for (more, problem) in [
        (&[][..], "the file has several plugins"),
        (&["--plugin", "b"], "the file has several plugins named \"b\""),
        (&["--plugin", "c"], "the file has no plugin \"c\""),
        (&["--plugin", "0"], "the file has no plugin \"0\""),
        (&["--plugin", "4"], "the file has no plugin \"4\""),
    ] {
        let (status, stderr, _) = code(more);
        let list = "  choose one with --plugin: 1 (\"a\", line 3), 2 (\"b\", line 10), 3 (\"b\", line 17)";
        assert_eq!(
            (status, stderr.as_str()),
            (2, format!("jwt-auth: stdin: {problem}\n{list}\n").as_str()),
            "{more:?}"
        );
    }
    let invalid = file.replace("parameter: A", "parameter: ''");
    let passing = format!("{invalid}{}", plugin("d", "bypassEmptyToken: true\n      parameter: D"));
    let answer = check(&passing, &["--json", "--plugin", "d", "--path", "/"]);
    assert_eq!(
        (answer.status, &answer.json()["decision"]["accepted"]),
        (1, &Value::from(true)),
        "another has an error"
    );
}

#[test]
fn a_duplicate_key_is_an_error_in_files_where_the_last_value_wins() {
    let twice = format!("parameter: t\njwk: {KEY}\npreventJtiReplay: true\npreventJtiReplay: false\n");
    let line = |file: &str| file.lines().position(|line| line.ends_with("false")).unwrap() as u64 + 1;
    for file in [
        wasm_filter("Struct", &format!("\n{}", indented(&twice, 20))),
        format!("kind: WasmPlugin\nspec:\n  pluginConfig:\n{}", indented(&twice, 4)),
    ] {
        assert_eq!(errors(&file), [(line(&file), "preventJtiReplay".to_owned())], "{file}");
    }
}

#[test]
fn a_key_that_kubernetes_reads_as_a_boolean_is_an_error_with_its_line() {
    let key = "kty: EC\ncrv: P-256\nx: f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\n\
               y: x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\n";
    let file = |key: &str| {
        format!("kind: WasmPlugin\nspec:\n  pluginConfig:\n    parameter: t\n    jwk:\n{}", indented(key, 6))
    };
    let found = errors(&file(key));
    assert!(found.contains(&(9, "jwk.y".to_owned())), "{found:?}");
    assert_eq!(errors(&file(&key.replace("\ny:", "\n\"y\":"))), []);
}

#[test]
fn colours_go_to_terminals_only() {
    let colours = |variable: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_jwt-auth"));
        command.args(["check", "--config"]).arg(repository("envoy/envoy.yaml"));
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command.envs(variable.map(|name| (name, "1")));
        command.output().unwrap().stdout.contains(&0x1b)
    };
    assert!(!colours(None), "the output is a pipe");
    assert!(!colours(Some("NO_COLOR")));
    assert!(colours(Some("CLICOLOR_FORCE")), "the output has no colours that could be left out");
}

#[test]
fn a_skipped_key_of_a_set_is_a_warning_with_its_line_and_does_not_change_the_exit_status() {
    let file = format!("parameter: t\njwks:\n  keys:\n  - {KEY}\n  - kty: AKP\n    use: enc\n");
    let answer = check(&file, &[]);
    let lines = [
        "stdin:6:5: warning: jwks.keys[1].use: expected sig; the key is skipped",
        "stdin:1:1: plugin (plugin): no errors",
    ];
    assert_eq!((answer.status, answer.stdout.lines().collect::<Vec<_>>()), (0, lines.to_vec()));
    let answer = check(&file, &["--json"]);
    let warning =
        json!({"line": 6, "column": 5, "field": "jwks.keys[1].use", "problem": "expected sig; the key is skipped"});
    let plugin = json!({"name": "plugin", "form": "plugin", "line": 1, "errors": [], "warnings": [warning]});
    assert_eq!((answer.status, answer.json()["plugins"][0].clone()), (0, plugin));
}

/// The modulus of a key with the ROCA flaw, published by its discoverers with their detector.
const ROCA: &str = "\
    nc10IOQgwnCmgGDri1qnRXqfZkj4b6_tJ3XMH3muli8eY_G55RxV-epv3HMy6bAFjJ_y6x_ImFUCnPaq_iHmif6zisn_sS8c43G7\
    XQ6armQWGrznS0JEv2jx7bRBH3VqCXyJKcFHQCReo1X4My0ao2u1DH3LRQXajeAuTlPTj43wYJfadSTfDfk9tI6sjMSvLToWJX6y\
    sq3Ka6Rk5ZdPqSVQ0xsbq_Fh52ktALhuPdiG7KtKv74aj4zCY_9K9VzbRfQkmlGTkl9emD12LwtoAJQ-sCZ7CPQu0xHOH1yG6svI\
    zk08t6L-4e9WQUI6HPQRTl7PUANKYKQSUjr55vSqEQ";

#[test]
fn only_a_key_with_the_roca_flaw_gets_its_warning() {
    let warnings = |modulus: &str| {
        let answer = check(&format!("parameter: t\njwk:\n  kty: RSA\n  alg: RS256\n  e: AQAB\n  n: {modulus}\n"), &[]);
        assert_eq!(answer.status, 0, "{answer:?}");
        answer.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let no_errors = "stdin:1:1: plugin (plugin): no errors";
    let flaw = "stdin:6:3: warning: jwk.n: the key has the ROCA flaw (CVE-2017-15361): its private key can be \
                computed from its public key. Replace it with a key from another generator";
    assert_eq!(warnings(ROCA), [flaw, no_errors]);
    let sound = SigningKey::sample_private_key().public_jwk(None, true);
    assert_eq!(warnings(sound["n"].as_str().unwrap()), [no_errors]);
}

#[test]
fn a_key_without_alg_that_allows_several_algorithms_gets_a_warning() {
    let rsa = "RS256, RS384, RS512, PS256, PS384, PS512; PS* costs several times as much as RS*";
    let secret = |bytes: usize| SigningKey::from_shared_secret(Algorithm::HS256, &vec![7; bytes]);
    for (key, choice) in [
        (SigningKey::sample_private_key(), Some(rsa)),
        (secret(64), Some("HS256, HS384, HS512")),
        (secret(48), Some("HS256, HS384")),
        // Keys with only one algorithm, or with two names of the same one.
        (secret(47), None),
        (SigningKey::cached(Algorithm::ES256), None),
        (SigningKey::cached(Algorithm::ES512), None),
        (SigningKey::cached(Algorithm::Ed25519), None),
    ] {
        let warnings = |names_algorithm: bool| {
            let file = format!("parameter: t\njwks:\n- {}\n", key.public_jwk(None, names_algorithm));
            let answer = check(&file, &["--json"]);
            (answer.status, answer.json()["plugins"][0]["warnings"].clone())
        };
        let expected = choice.map(|names| {
            let problem = format!(
                "the key has no alg, so each token can choose among {names}. Set alg to what the issuer signs with"
            );
            json!({"line": 3, "column": 3, "field": "jwks[0]", "problem": problem})
        });
        assert_eq!(warnings(false), (0, expected.into_iter().collect()), "{key:?}");
        assert_eq!(warnings(true), (0, json!([])), "{key:?}");
    }
}
