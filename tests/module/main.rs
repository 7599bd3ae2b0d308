//! What the delivered module does when its host fails it: each call that it makes, failed once with each status.
//!
//! A failed call must never crash the VM, which would cost the requests of every plugin in it, and never forward a request
//! that was not decided or not edited as a whole.

mod host;

use std::sync::LazyLock;

use host::{Action, Compiled, Headers, World};
use kit::issuer::{Algorithm, SigningKey};
use serde_json::json;

/// Every status of proxy-wasm but success, and one that it does not define.
const STATUSES: [u32; 10] = [1, 2, 3, 4, 6, 7, 8, 10, 12, 99];

static MODULE: LazyLock<Compiled> = LazyLock::new(|| {
    let path = std::env::var_os("JWT_AUTH_WASM").expect("JWT_AUTH_WASM names the module; `make test` sets it");
    Compiled::new(&std::fs::read(path).expect("the module"))
});

/// Lines of configuration beside the key, and a request.
struct Case {
    name: &'static str,
    lines: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Option<&'static str>,
    trailers: Option<Vec<(&'static str, &'static str)>>,
}

fn key() -> SigningKey {
    SigningKey::from_shared_secret(Algorithm::HS256, &[7; 32])
}

fn cases() -> Vec<Case> {
    let token = key().token(None, &json!({"sub": "alice", "exp": 1_800_000_060, "jti": "1"}));
    let case = |name, lines| Case {
        name,
        lines,
        path: "/p?sub=mallory",
        headers: vec![("x-token", token.clone()), ("x-sub", "mallory".to_owned())],
        body: None,
        trailers: None,
    };
    let form = "application/x-www-form-urlencoded";
    vec![
        case("nothing to edit", ""),
        case(
            "headers, with an outcome",
            "outcome: {}
claimParameters: [{claimName: sub, parameterName: X-Sub, location: header}]",
        ),
        case("query", "claimParameters: [{claimName: sub, parameterName: sub, location: query}]"),
        case(
            "path, without the token",
            "forwardToken: false
backendPath: /{sub}{path}
claimParameters: [{claimName: sub, parameterName: sub, location: path}]",
        ),
        case("replay", "preventJtiReplay: true"),
        Case {
            headers: vec![("x-token", token.clone()), ("content-type", form.to_owned())],
            body: Some("sub=mallory&a=1"),
            ..case("form", "claimParameters: [{claimName: sub, parameterName: sub, location: formData}]")
        },
        Case {
            headers: vec![("x-token", token.clone()), ("content-type", form.to_owned())],
            body: Some("sub=mallory&a=1"),
            trailers: Some(vec![("a", "b")]),
            ..case("form with trailers", "claimParameters: [{claimName: sub, parameterName: sub, location: formData}]")
        },
        Case {
            trailers: Some(vec![("x-sub", "mallory"), ("a", "b")]),
            ..case("trailers", "claimParameters: [{claimName: sub, parameterName: X-Sub, location: header}]")
        },
        Case { headers: vec![], ..case("no token", "outcome: {}") },
        Case {
            headers: vec![("content-type", "application/grpc".to_owned())],
            body: Some("\0\0\0\0\0"),
            ..case("no token, of a gRPC client", "outcome: {}")
        },
        Case { headers: vec![], ..case("bypassed", "bypassEmptyToken: true\noutcome: {}") },
        case("a configuration with errors", "nosuchfield: 1"),
    ]
}

impl Case {
    fn world(&self) -> World {
        let pseudo = [(":method", "POST"), (":path", self.path), (":authority", "test")];
        let headers = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.as_bytes().to_vec());
        World {
            configuration: format!(
                "parameter: X-Token\nparameterLocation: header\njwk: {}\n{}",
                key().private_jwk(None, true),
                self.lines
            )
            .into_bytes(),
            headers: pseudo.into_iter().chain(headers).map(own).collect(),
            body: self.body.map(|body| body.as_bytes().to_vec()),
            trailers: self.trailers.as_ref().map(|trailers| trailers.iter().copied().map(own).collect()),
            ..World::default()
        }
    }
}

/// What came of a request: the answers to the callbacks, and the world after them.
struct Outcome {
    actions: Vec<Action>,
    world: World,
}

impl Outcome {
    fn code(&self) -> Option<&str> {
        let response = self.world.response.as_ref()?;
        let (_, code) = response.headers.iter().find(|(name, _)| name == "x-ca-error-code")?;
        std::str::from_utf8(code).ok()
    }

    /// Whether the request reaches the backend: it is neither answered nor paused at the end.
    fn is_forwarded(&self) -> bool {
        self.world.response.is_none() && self.actions.last() == Some(&Action::Continue)
    }

    /// Whether the callback that sent the response, and all after it, paused the request.
    fn is_held_from_the_response_on(&self) -> bool {
        let sent_in = self.world.response.as_ref().map_or(1, |response| response.callback);
        self.actions.iter().skip(sent_in - 1).all(|action| *action == Action::Pause)
    }

    fn forwarded(&self) -> (Headers, Option<Vec<u8>>, Option<Headers>) {
        let mut headers = self.world.headers.clone();
        headers.sort();
        (headers, self.world.body.clone(), self.world.trailers.clone())
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.actions == other.actions
            && self.world.response == other.world.response
            && (!self.is_forwarded() || self.forwarded() == other.forwarded())
    }
}

/// Configures a VM and sends it the request; the calls are counted, and one of them failed, from the start or from the request
/// on.
fn run(case: &Case, fail_start: Option<(usize, u32)>, fail_request: Option<(usize, u32)>) -> Result<Outcome, String> {
    let mut vm = MODULE.load(World { fail_at: fail_start, ..case.world() });
    let configured = vm.start().map_err(|error| format!("the VM crashed at the start: {error}"))?;
    if !configured {
        return Err("on_configure was not true: Envoy would forward requests without the filter".to_owned());
    }
    vm.world().fail_at = fail_request;
    if fail_start.is_none() {
        vm.world().calls.clear();
    }
    let actions = vm.request().map_err(|error| format!("the VM crashed: {error}"))?;
    Ok(Outcome { actions, world: vm.world().clone() })
}

#[test]
fn without_a_failure_each_case_does_what_its_name_says() {
    let found: Vec<(&str, Option<String>)> = cases()
        .iter()
        .map(|case| (case.name, run(case, None, None).expect("no crash").code().map(str::to_owned)))
        .collect();
    let refused =
        [("no token", "I400JR"), ("no token, of a gRPC client", "I400JR"), ("a configuration with errors", "I400JP")];
    for (name, code) in found {
        let expected = refused.iter().find(|(refused, _)| *refused == name).map(|(_, code)| *code);
        assert_eq!(code.as_deref(), expected, "{name}");
    }
}

#[test]
fn a_request_whose_host_call_fails_is_rejected_with_s503hf_or_decided_all_the_same() {
    let (mut failures, mut tried, mut rejected) = (Vec::new(), 0, 0);
    for case in cases() {
        let whole = run(&case, None, None).expect("no crash");
        for (index, call) in whole.world.calls.iter().enumerate() {
            for status in STATUSES {
                tried += 1;
                let place = format!("{}: call {index}, {call}, fails with {status}", case.name);
                let outcome = match run(&case, None, Some((index, status))) {
                    Ok(outcome) => outcome,
                    Err(crash) => {
                        failures.push(format!("{place}: {crash}"));
                        continue;
                    }
                };
                let is_s503hf = outcome.code() == Some("S503HF") && outcome.is_held_from_the_response_on();
                rejected += usize::from(is_s503hf);
                let is_as_it_must_be = match call.as_str() {
                    // Nobody waits for these.
                    "proxy_log" | "proxy_increment_metric" | "proxy_set_tick_period_milliseconds" => {
                        outcome.is_same_as(&whole)
                    }
                    // A request that is rejected stays so, whether or not others can read why.
                    "proxy_set_property" if whole.code().is_some() => outcome.is_same_as(&whole),
                    // The response that can't be sent leaves a request that is held.
                    "proxy_send_local_response" => {
                        outcome.world.response.is_none() && !outcome.actions.contains(&Action::Continue)
                    }
                    // The store of used `jti`s tries again, and says no when it can't.
                    "proxy_get_shared_data" | "proxy_set_shared_data" => {
                        outcome.is_same_as(&whole) || outcome.code().is_some()
                    }
                    _ => is_s503hf,
                };
                if !is_as_it_must_be {
                    failures.push(format!("{place}: {:?}, {:?}", outcome.code(), outcome.actions));
                }
            }
        }
    }
    println!("{tried} failed calls, {rejected} times S503HF");
    assert!(rejected > 100, "{rejected} times S503HF");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_vm_whose_host_call_fails_at_the_start_decides_all_the_same_or_rejects() {
    let mut failures = Vec::new();
    for case in cases() {
        let whole = run(&case, None, None).expect("no crash");
        let mut counted = MODULE.load(case.world());
        counted.start().expect("no crash");
        let calls = counted.world().calls.clone();
        for (index, call) in calls.iter().enumerate() {
            for status in STATUSES {
                let place = format!("{}: call {index}, {call}, fails with {status}", case.name);
                match run(&case, Some((index, status)), None) {
                    Err(crash) => failures.push(format!("{place}: {crash}")),
                    Ok(outcome) if outcome.is_same_as(&whole) || outcome.code().is_some() => {}
                    Ok(outcome) => failures.push(format!("{place}: {:?}", outcome.actions)),
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
