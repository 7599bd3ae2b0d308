//! The shipped module when calls to its host fail: each call of each case fails once with each status.
//!
//! A failed call must never crash the VM, because a crash fails the requests of every plugin in it. And a request must
//! not be forwarded unless it was decided and completely edited.

mod host;

use std::sync::LazyLock;

use host::{Action, Compiled, Headers, World};
use kit::issuer::{Algorithm, SigningKey};
use serde_json::json;

/// Every error status of proxy-wasm, and one that it does not define.
const STATUSES: [u32; 10] = [1, 2, 3, 4, 6, 7, 8, 10, 12, 99];

static MODULE: LazyLock<Compiled> = LazyLock::new(|| {
    let path = std::env::var_os("JWT_AUTH_WASM").expect("JWT_AUTH_WASM names the module; `make test` sets it");
    Compiled::new(&std::fs::read(path).expect("the module"))
});

/// A configuration and a request. `lines` is the configuration without the token's parameter and the key.
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

/// The result of a request: the action after each callback, and the final state of the world.
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

    /// Whether the request reaches the backend: it has no local response and is not paused at the end.
    fn is_forwarded(&self) -> bool {
        self.world.response.is_none() && self.actions.last() == Some(&Action::Continue)
    }

    /// Whether the callback that sent the response, and all callbacks after it, paused the request.
    fn stays_paused_after_the_response(&self) -> bool {
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

/// Configures a VM and sends it the request of `case`. `fail_start` is the index of the host call that fails, counted
/// from the start of the VM, and its status. `fail_request` is the same, counted from the start of the request.
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
fn without_a_failure_only_the_cases_meant_to_be_rejected_are_rejected() {
    let found: Vec<(&str, Option<String>)> = cases()
        .iter()
        .map(|case| (case.name, run(case, None, None).expect("no crash").code().map(str::to_owned)))
        .collect();
    let rejected =
        [("no token", "I400JR"), ("no token, of a gRPC client", "I400JR"), ("a configuration with errors", "I400JP")];
    for (name, code) in found {
        let expected = rejected.iter().find(|(rejected, _)| *rejected == name).map(|(_, code)| *code);
        assert_eq!(code.as_deref(), expected, "{name}");
    }
}

#[test]
fn a_request_whose_host_call_fails_is_rejected_with_s503hf_or_decided_as_without_the_failure() {
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
                let is_s503hf = outcome.code() == Some("S503HF") && outcome.stays_paused_after_the_response();
                rejected += usize::from(is_s503hf);
                let is_expected = match call.as_str() {
                    // No decision depends on these.
                    "proxy_log" | "proxy_increment_metric" | "proxy_set_tick_period_milliseconds" => {
                        outcome.is_same_as(&whole)
                    }
                    // A request that is already rejected stays rejected when its outcome can't be written.
                    "proxy_set_property" if whole.code().is_some() => outcome.is_same_as(&whole),
                    // If the response can't be sent, the request stays paused.
                    "proxy_send_local_response" => {
                        outcome.world.response.is_none() && !outcome.actions.contains(&Action::Continue)
                    }
                    // The replay store tries again. If that fails too, the request is rejected.
                    "proxy_get_shared_data" | "proxy_set_shared_data" => {
                        outcome.is_same_as(&whole) || outcome.code().is_some()
                    }
                    _ => is_s503hf,
                };
                if !is_expected {
                    failures.push(format!("{place}: {:?}, {:?}", outcome.code(), outcome.actions));
                }
            }
        }
    }
    println!("{tried} failed calls, {rejected} rejections with S503HF");
    assert!(rejected > 100, "{rejected} rejections with S503HF");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_vm_whose_host_call_fails_at_the_start_rejects_or_decides_as_without_the_failure() {
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
