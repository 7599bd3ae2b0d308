//! `jwt-auth check` reads a `Struct` like a live Envoy: in YAML, where Envoy has its own rules for plain scalars, and
//! in JSON.

mod support;

use std::fmt::Write as _;
use std::path::Path;

use kit::envoy::{self, Envoy};
use kit::http::{RequestBuilder, exchange};
use serde_json::{Value, json};
use support::{Folder, jwt_auth};

const KEY: &str = r#"{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;

/// YAML scalars that parsers read differently.
const YAML_VALUES: [&str; 62] = [
    "5",
    "-5",
    "+5",
    "0",
    "00",
    "017",
    "08",
    "0x1F",
    "0o17",
    "1_000",
    "5000000000",
    "2147483647",
    "2147483648",
    "1.5",
    "30.0",
    "5.",
    ".5",
    "1e3",
    ".inf",
    ".nan",
    "'5'",
    "\"5\"",
    "true",
    "True",
    "TRUE",
    "tRUE",
    "'true'",
    "false",
    "yes",
    "Yes",
    "YES",
    "on",
    "On",
    "oN",
    "off",
    "no",
    "NO",
    "y",
    "Y",
    "n",
    "N",
    "~",
    "null",
    "Null",
    "''",
    "",
    "word",
    "!!str 5",
    "!!str \"5\"",
    "!!str null",
    "!!str",
    "!!int \"5\"",
    "!!bool \"true\"",
    "!!null ''",
    "!!float 5",
    "!foo \"true\"",
    "!foo word",
    "! 5",
    "! null",
    "|\n  5",
    "&a 7",
    "0x",
];

const JSON_VALUES: [&str; 10] = ["5", "-5", "1.5", "30.0", "5e2", "5000000000", "\"5\"", "true", "\"true\"", "null"];

/// Lines with keys that parsers read differently.
const KEYS: [&str; 8] = [
    "",
    "!ignore key: 5",
    "!foo key: 5",
    "!ignore [a]: 5",
    "~: 5",
    "'~': 5",
    "<<: {issuer: []}",
    "clockSkewSeconds: nonsense\nclockSkewSeconds: 5\nissuer: a\nissuer: []",
];

/// The absolute path of the module.
fn module() -> String {
    let path = std::env::var_os("JWT_AUTH_WASM").expect("JWT_AUTH_WASM names the module; `make test` sets it");
    std::path::absolute(Path::new(&path)).unwrap().to_str().unwrap().to_owned()
}

/// A value in fields of three types. The configuration errors show how the value was read.
fn fields(value: &str) -> String {
    let value_again = value.replace("&a ", "");
    format!("bypassEmptyToken: {value}\nissuer: {value_again}\nclockSkewSeconds: {value_again}")
}

/// A plugin with its key, its parameter and these lines.
fn plugin(index: usize, lines: &str) -> String {
    format!(
        "
          - name: p{index}
            typed_config:
              '@type': type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                name: p{index}
                vm_config: {{runtime: envoy.wasm.runtime.v8, code: {{local: {{filename: '{module}'}}}}}}
                configuration:
                  '@type': type.googleapis.com/google.protobuf.Struct
                  value:
                    parameter: t
                    jwk: {KEY}
                    {lines}
",
        module = module(),
        lines = lines.replace('\n', "\n                    "),
    )
}

/// A bootstrap with a listener for each plugin. It responds with 200 if the filter forwards the request.
fn bootstrap(plugins: &[String]) -> String {
    let mut text = "static_resources:\n  listeners:\n".to_owned();
    for (index, lines) in plugins.iter().enumerate() {
        let _ = write!(
            text,
            "  - name: p{index}
    address: {{pipe: {{path: p{index}.sock}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: p{index}
          route_config:
            virtual_hosts:
            - {{name: any, domains: ['*'], routes: [{{match: {{prefix: /}}, direct_response: {{status: 200}}}}]}}
          http_filters:{}          - name: envoy.filters.http.router
            typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
",
            plugin(index, lines)
        );
    }
    text
}

/// The same bootstrap as JSON, with the values unchanged.
fn json_bootstrap(values: &[&str]) -> String {
    let mut bootstrap: Value = serde_yaml::from_str(&bootstrap(&vec![fields("MARK"); values.len()])).unwrap();
    let listeners = bootstrap["static_resources"]["listeners"].as_array_mut().unwrap();
    for (listener, value) in listeners.iter_mut().zip(values) {
        let text = listener.to_string().replace("\"MARK\"", value);
        *listener = serde_json::from_str(&text).unwrap();
    }
    bootstrap.to_string()
}

/// Code and message, or null if the request passes.
fn answer_of_envoy(envoy: &Envoy, index: usize) -> Value {
    let address = envoy.address(&format!("p{index}")).unwrap();
    let response = exchange(&address, &RequestBuilder::get("/").header("host", "test").build()).unwrap();
    let header = |name: &str| response.header(name).map(|value| String::from_utf8(value.to_vec()).unwrap());
    json!([header("x-ca-error-code"), header("x-ca-error-message")])
}

fn answer_of_check(config: &Path, index: usize) -> Value {
    let name = format!("p{index}");
    let arguments = ["check", "--json", "--config", config.to_str().unwrap(), "--path", "/", "--plugin", &name];
    let json = jwt_auth(&arguments, b"").json();
    json!([json["decision"]["code"], json["decision"]["message"]])
}

/// The errors in a message, sorted, because the fields of a Struct have no order.
fn sorted(answer: &Value) -> (Value, Vec<String>) {
    let message = answer[1].as_str().unwrap_or_default().trim_start_matches("Invalid JWT plugin config: ");
    let mut errors: Vec<_> = message.split("; ").map(str::to_owned).collect();
    errors.sort();
    (answer[0].clone(), errors)
}

#[test]
fn a_struct_is_read_like_in_envoy() {
    let folder = Folder::new();
    for (name, text, values) in [
        ("envoy.yaml", bootstrap(&YAML_VALUES.map(fields)), &YAML_VALUES[..]),
        ("envoy.json", json_bootstrap(&JSON_VALUES), &JSON_VALUES[..]),
        ("keys.yaml", bootstrap(&KEYS.map(str::to_owned)), &KEYS[..]),
    ] {
        let config = folder.file(name, &text);
        let ours: Vec<Value> = (0..values.len()).map(|index| answer_of_check(&config, index)).collect();
        assert!(ours.iter().any(|answer| *answer != ours[0]), "all values give the same result: {ours:?}");
        for binary in envoy::binaries() {
            let envoy = Envoy::start_with(&binary, name, &text, 1).unwrap_or_else(|error| panic!("{error}"));
            let theirs = (0..values.len()).map(|index| answer_of_envoy(&envoy, index));
            let differences: Vec<_> = theirs
                .zip(&ours)
                .zip(values)
                .filter(|((theirs, ours), _)| sorted(theirs) != sorted(ours))
                .map(|((theirs, ours), value)| format!("{value:?}: check {ours}, Envoy {theirs}"))
                .collect();
            assert!(differences.is_empty(), "{name}, {}:\n{}", binary.display(), differences.join("\n"));
        }
    }
}

#[test]
fn envoy_does_not_start_with_files_for_which_check_says_so() {
    let folder = Folder::new();
    let twice = json_bootstrap(&["5"]).replace(r#""issuer":5"#, r#""issuer":"a","issuer":"b""#);
    for (name, text, field) in [
        ("envoy.yaml", bootstrap(&["? [a, b]\n: 1".to_owned()]), ""),
        ("nested.yaml", bootstrap(&["issuer: [{? {a: b} : 1}]".to_owned()]), "issuer[0]"),
        ("envoy.json", twice, "issuer"),
    ] {
        let config = folder.file(name, &text);
        let answer = jwt_auth(&["check", "--json", "--config", config.to_str().unwrap()], b"");
        let errors = &answer.json()["plugins"][0]["errors"];
        assert_eq!((answer.status, errors.as_array().unwrap().len(), &errors[0]["field"]), (1, 1, &json!(field)));
        assert!(errors[0]["problem"].as_str().unwrap().ends_with("; Envoy would not start with it"), "{errors}");
        for binary in envoy::binaries() {
            assert!(Envoy::start_with(&binary, name, &text, 1).is_err(), "{name}, {}: it starts", binary.display());
        }
    }
}

/// `curl --data ''` sends `content-length: 0`. For the filter, such a request has no body.
#[test]
fn an_empty_body_gets_the_same_decision_as_in_envoy() {
    let lines = "bypassEmptyToken: true\nclaimParameters: [{claimName: a, parameterName: a, location: formData}]";
    let text = bootstrap(&[lines.to_owned()]);
    let folder = Folder::new();
    let config = folder.file("envoy.yaml", &text);
    let form = "content-type: multipart/form-data; boundary=x";
    let bodies = ["", "a"];
    let ours = bodies.map(|body| {
        let config = config.to_str().unwrap();
        jwt_auth(&["check", "--json", "--config", config, "--header", form, "--data", body], b"").json()["decision"]
            ["code"]
            .clone()
    });
    assert_eq!(ours, [Value::Null, json!("I415FD")]);
    for binary in envoy::binaries() {
        let envoy = Envoy::start_with(&binary, "envoy.yaml", &text, 1).unwrap_or_else(|error| panic!("{error}"));
        let theirs = bodies.map(|body| {
            let request =
                format!("POST / HTTP/1.1\r\nhost: test\r\n{form}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let response = exchange(&envoy.address("p0").unwrap(), request.as_bytes()).unwrap();
            json!(response.header("x-ca-error-code").map(|code| String::from_utf8(code.to_vec()).unwrap()))
        });
        assert_eq!(theirs, ours, "{}", binary.display());
    }
}
