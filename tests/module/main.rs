//! The shipped module in a host that plays Envoy. Here are its decisions when calls to the host fail: each call of each
//! case fails once with each status. What it does while keys are fetched is in [`scenarios`].
//!
//! A failed call must never crash the VM, because a crash fails the requests of every plugin in it. And a request must
//! not be forwarded unless it was decided and completely edited.

mod host;
mod scenarios;

use std::sync::LazyLock;

use host::{Action, Compiled, Forwarded, Headers, HostCall, Mode, Process, Stream, Vm};
use kit::issuer::{Algorithm, SigningKey};
use serde_json::json;

/// Every error status of proxy-wasm, and one that it does not define.
const STATUSES: [u32; 10] = [1, 2, 3, 4, 6, 7, 8, 10, 12, 99];

/// Calls that a library makes which knows only the statuses that Envoy gives, and panics on any other.
struct Exception {
    call: &'static str,
    /// The callback, if only calls there are meant, and whether only its first call is.
    callback: Option<&'static str>,
    is_first: bool,
    /// The statuses to try.
    statuses: &'static [u32],
}

const EXCEPTIONS: [Exception; 4] = [
    // The SDK makes it for the context that gets the answer. That exists, so the call can't fail.
    Exception {
        call: "proxy_set_effective_context",
        callback: Some("proxy_on_http_call_response"),
        is_first: true,
        statuses: &[],
    },
    // The standard library makes it for its first hash map. Envoy always has random bytes.
    Exception { call: "random_get", callback: Some("proxy_on_configure"), is_first: false, statuses: &[] },
    // The context is gone.
    Exception { call: "proxy_set_effective_context", callback: None, is_first: false, statuses: &[host::BAD_ARGUMENT] },
    // No such cluster, or no host or no place for a request.
    Exception {
        call: "proxy_http_call",
        callback: None,
        is_first: false,
        statuses: &[host::BAD_ARGUMENT, host::INTERNAL_FAILURE],
    },
];

/// The statuses to fail a call with.
fn statuses(call: &HostCall) -> &'static [u32] {
    let exception = EXCEPTIONS.iter().find(|exception| {
        exception.call == call.name
            && exception.callback.is_none_or(|callback| callback == call.callback)
            && (call.is_first || !exception.is_first)
    });
    exception.map_or(&STATUSES, |exception| exception.statuses)
}

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
    fn configuration(&self) -> String {
        let key = key().private_jwk(None, true);
        format!("parameter: X-Token\nparameterLocation: header\njwk: {key}\n{}", self.lines)
    }

    fn headers(&self) -> Headers {
        let pseudo = [(":method", "POST"), (":path", self.path), (":authority", "test")];
        let headers = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        owned(pseudo.into_iter().chain(headers))
    }
}

fn owned<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Headers {
    headers.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect()
}

/// The last state of a request, and the calls that the module made from the request's start.
struct Outcome {
    stream: Stream,
    calls: Vec<HostCall>,
}

impl Outcome {
    fn code(&self) -> Option<&str> {
        self.stream.response.as_ref()?.header("x-ca-error-code")
    }

    /// Whether the callback that sent the response, and all callbacks after it, paused the request.
    fn stays_paused_after_the_response(&self) -> bool {
        let answers_before = self.stream.response.as_ref().map_or(0, |response| response.answers_before);
        self.stream.actions.iter().skip(answers_before).all(|action| *action == Action::Pause)
    }

    fn forwarded(&self) -> Option<Forwarded> {
        let mut forwarded = self.stream.forwarded.clone()?;
        forwarded.headers.sort();
        Some(forwarded)
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.stream.actions == other.stream.actions
            && self.stream.response == other.stream.response
            && self.forwarded() == other.forwarded()
    }
}

/// Configures a VM and sends it the request of `case`. `fail_start` is the index of the host call that fails, counted
/// from the start of the VM, and its status. `fail_request` is the same, counted from the start of the request.
fn run(case: &Case, fail_start: Option<(usize, u32)>, fail_request: Option<(usize, u32)>) -> Result<Outcome, String> {
    let mut vm = MODULE.load(&Process::default());
    vm.state_mut().fail_at = fail_start;
    let root = vm.start(case.configuration())?;
    vm.tick(root)?;
    vm.state_mut().fail_at = fail_request;
    vm.state_mut().calls.clear();
    let stream = send(&mut vm, root, case)?;
    vm.tick(root)?;
    Ok(Outcome { stream, calls: vm.state().calls.clone() })
}

/// Sends the request of `case`, to its end also after Pause.
fn send(vm: &mut Vm, root: u32, case: &Case) -> Result<Stream, String> {
    let stream = vm.open(root, Mode::Hold)?;
    vm.headers(stream, case.headers(), case.body.is_none() && case.trailers.is_none())?;
    if let Some(body) = case.body {
        vm.body(stream, body.as_bytes(), case.trailers.is_none())?;
    }
    if let Some(trailers) = &case.trailers {
        vm.trailers(stream, owned(trailers.iter().copied()))?;
    }
    vm.close(stream)
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
        for (index, call) in whole.calls.iter().enumerate() {
            for &status in statuses(call) {
                tried += 1;
                let place = format!("{}: call {index}, {}, fails with {status}", case.name, call.name);
                let outcome = match run(&case, None, Some((index, status))) {
                    Ok(outcome) => outcome,
                    Err(crash) => {
                        failures.push(format!("{place}: {crash}"));
                        continue;
                    }
                };
                let is_s503hf = outcome.code() == Some("S503HF") && outcome.stays_paused_after_the_response();
                rejected += usize::from(is_s503hf);
                let is_expected = match call.name.as_str() {
                    // No decision depends on these.
                    "proxy_log" | "proxy_increment_metric" | "proxy_set_tick_period_milliseconds" => {
                        outcome.is_same_as(&whole)
                    }
                    // For the start of the replay store, which the next tick or request records then.
                    "proxy_get_current_time_nanoseconds" if call.callback == "proxy_on_tick" => {
                        outcome.is_same_as(&whole)
                    }
                    // A request that is already rejected stays rejected when its outcome can't be written.
                    "proxy_set_property" if whole.code().is_some() => outcome.is_same_as(&whole),
                    // If the response can't be sent, the request stays paused.
                    "proxy_send_local_response" => {
                        outcome.stream.response.is_none() && !outcome.stream.actions.contains(&Action::Continue)
                    }
                    // The replay store tries again. If that fails too, the request is rejected.
                    "proxy_get_shared_data" | "proxy_set_shared_data" => {
                        outcome.is_same_as(&whole) || outcome.code().is_some()
                    }
                    _ => is_s503hf,
                };
                if !is_expected {
                    failures.push(format!("{place}: {:?}, {:?}", outcome.code(), outcome.stream.actions));
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
        let mut counted = MODULE.load(&Process::default());
        let root = counted.start(case.configuration()).expect("no crash");
        counted.tick(root).expect("no crash");
        let calls = counted.state().calls.clone();
        for (index, call) in calls.iter().enumerate() {
            for &status in statuses(call) {
                let place = format!("{}: call {index}, {}, fails with {status}", case.name, call.name);
                match run(&case, Some((index, status)), None) {
                    Err(crash) => failures.push(format!("{place}: {crash}")),
                    Ok(outcome) if outcome.is_same_as(&whole) || outcome.code().is_some() => {}
                    Ok(outcome) => failures.push(format!("{place}: {:?}", outcome.stream.actions)),
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
