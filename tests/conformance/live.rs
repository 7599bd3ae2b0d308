//! Runs the rows and the vectors against the module in every Envoy, with Envoy and with Wasm verifying signatures. Also
//! tests what needs a real Envoy.

mod calls;
mod form;
mod guard;
mod http2;
mod processes;
mod proofs;
mod redirects;
mod replay;
mod routes;

use std::collections::HashMap;

use kit::bootstrap::{Configuration, Listener, WasmFilter};
use kit::envoy;
use kit::proxy::{Proxy, filter, module, now};
use kit::rows;

use crate::vectors;

/// The configurations of the VM that force who verifies signatures.
const BACKENDS: [&str; 2] = ["signatures: wasm", "signatures: host"];

/// A listener with the filter of a row. With `signatures: host` it also has a guard, which must not change any result.
fn row_listener(index: usize, row: &rows::Row, backend: &'static str) -> Listener {
    let name = format!("row{index}");
    let listener = |config: String| Listener::new(&name, vec![filter(Configuration::Text(config), Some(backend))]);
    let passes = row.steps.iter().any(|step| matches!(step.expected, rows::Expected::Passes { .. }));
    match backend {
        "signatures: wasm" => return listener(row.config.clone()),
        // The configuration may not be a document that a field can be added to. The guard gets no requests here.
        _ if !passes => return listener(row.config.clone()).guarded("jwt_auth"),
        _ => {}
    }
    // JSON needs the field in JSON.
    let config = match row.config.trim_end().strip_suffix('}') {
        Some(members) if row.config.starts_with('{') => format!("{members}, \"outcome\": {{}}}}"),
        Some(_) | None => format!("{}\noutcome: {{}}\n", row.config),
    };
    listener(config).guarded("jwt_auth")
}

#[test]
fn every_row_passes_in_every_envoy() {
    for binary in envoy::binaries() {
        for backend in BACKENDS {
            let rows = rows::all(now());
            let listeners = rows.iter().enumerate().map(|(index, row)| row_listener(index, row, backend));
            let proxy = Proxy::start(&binary, listeners.collect());
            let mut failures = Vec::new();
            for (index, row) in rows.iter().enumerate() {
                for (number, step) in row.steps.iter().enumerate() {
                    let place = format!("{}, request {} ({backend})", row.name, number + 1);
                    failures.extend(proxy.run(&format!("row{index}"), step).err().map(|why| format!("{place}: {why}")));
                }
            }
            let tokens = rows.iter().flat_map(|row| &row.steps).flat_map(|step| &step.request.headers);
            failures.extend(proxy.unsafe_log_lines(tokens.map(|(_, value)| value.as_slice())));
            proxy.report(&failures);
        }
    }
}

#[test]
fn every_vector_gets_the_expected_result_in_every_envoy() {
    let vectors: Vec<_> = vectors::all().into_iter().filter(|vector| !vector.only_at_now).collect();
    for binary in envoy::binaries() {
        for backend in BACKENDS {
            let mut names: HashMap<String, String> = HashMap::new();
            let mut listeners = Vec::new();
            for vector in &vectors {
                let config = vector.config();
                if !names.contains_key(&config) {
                    let name = format!("vector{}", names.len());
                    listeners
                        .push(Listener::new(&name, vec![filter(Configuration::Text(config.clone()), Some(backend))]));
                    names.insert(config, name);
                }
            }
            let proxy = Proxy::start(&binary, listeners);
            let mut failures = Vec::new();
            for vector in &vectors {
                let response = proxy.send(&names[&vector.config()], &vector.request());
                let text = |name: &str| String::from_utf8_lossy(response.header(name).unwrap_or_default()).into_owned();
                let passed = response.status == 200;
                let code = if passed { "pass".to_owned() } else { text("x-ca-error-code") };
                // A vector without a message allows any message.
                let message = vector.message.as_ref().map(|_| text("x-ca-error-message"));
                let subject = passed.then(|| response.echoed().unwrap().header("x-sub").map(<[u8]>::to_vec)).flatten();
                let found = (&code, &message, &subject);
                let expected = (&vector.expected, &vector.message, &vector.subject.clone().map(String::into_bytes));
                if found != expected {
                    failures.push(format!("{} ({backend}): {found:?}, expected {expected:?}", vector.name));
                }
            }
            proxy.report(&failures);
        }
    }
}

#[test]
fn a_struct_is_read_like_a_string() {
    let now = now();
    let world = rows::World { now };
    let good = serde_json::json!({
        "parameter": "X-Token", "jwk": rows::key().public_jwk(Some("k1"), true), "clockSkewSeconds": 1000,
        "claimParameters": [{"claimName": "sub", "parameterName": "X-Sub", "location": "header"}],
    });
    let mut bad = good.clone();
    bad["clockSkewSeconds"] = 1.5.into();
    for binary in envoy::binaries() {
        let proxy = Proxy::start(
            &binary,
            vec![
                Listener::new("good", vec![filter(Configuration::Struct(good.clone()), None)]),
                Listener::new("bad", vec![filter(Configuration::Struct(bad.clone()), None)]),
            ],
        );
        let late = rows::get().token(world.token(&serde_json::json!({"exp": now - 500})));
        let error = "Invalid JWT plugin config: clockSkewSeconds: expected a whole number from 0 to 3600";
        proxy.report(
            &[
                proxy.run("good", &late.clone().passes_to("/p", &[], &[("x-sub", "alice")])),
                proxy.run("good", &rows::get().rejected("I400JR", "JWT required")),
                proxy.run("bad", &late.rejected("I400JP", error)),
            ]
            .into_iter()
            .filter_map(Result::err)
            .collect::<Vec<_>>(),
        );
    }
}

#[test]
fn a_skipped_key_of_a_set_is_logged_once_as_a_warning() {
    let good = rows::key().public_jwk(Some("k1"), true);
    let keys = serde_json::json!({"keys": [good, {"kty": "RSA", "use": "enc", "alg": "RSA-OAEP"}]});
    let config = format!("parameter: X-Token\njwks: {keys}");
    for binary in envoy::binaries() {
        let proxy =
            Proxy::start(&binary, vec![Listener::new("set", vec![filter(Configuration::Text(config.clone()), None)])]);
        let world = rows::World { now: now() };
        let passed = proxy.run("set", &rows::get().token(world.token(&serde_json::json!({}))).passes());
        let mut failures: Vec<_> = passed.err().into_iter().collect();
        // The workers are configured one after the other, and each could log.
        std::thread::sleep(std::time::Duration::from_millis(500));
        let log = proxy.envoy.log();
        let lines: Vec<_> = log.lines().filter(|line| line.contains("the key is skipped")).collect();
        let text = "jwt-auth: jwks.keys[1].use: expected sig; the key is skipped";
        if lines.len() != 1 || !lines.iter().all(|line| line.contains("[warning]") && line.contains(text)) {
            failures.push(format!("logged: {lines:?}"));
        }
        proxy.report(&failures);
    }
}

/// A filter without a configuration, or with an invalid configuration of its VM, must reject every request.
#[test]
fn a_filter_without_a_configuration_rejects_every_request() {
    for binary in envoy::binaries() {
        let mut unconfigured = WasmFilter::new("jwt", module(), Configuration::Text(String::new()));
        unconfigured.vm_configuration = Some("signatures: wsam".to_owned());
        let proxy = Proxy::start(
            &binary,
            vec![
                Listener::new("empty", vec![filter(Configuration::Text(String::new()), None)]),
                Listener::new("vm", vec![unconfigured]),
            ],
        );
        let empty = "Invalid JWT plugin config: expected a plugin configuration, found nothing";
        let vm = "Invalid JWT plugin config: vm_config.configuration: \
                  expected nothing, `signatures: host` or `signatures: wasm`";
        proxy.report(
            &[
                proxy.run("empty", &rows::get().rejected("I400JP", empty)),
                proxy.run("vm", &rows::get().rejected("I400JP", vm)),
            ]
            .into_iter()
            .filter_map(Result::err)
            .collect::<Vec<_>>(),
        );
    }
}
