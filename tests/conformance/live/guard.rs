//! `outcome`, and the guard: an RBAC filter behind this one, which forwards only what this one has let by. Envoy leaves a
//! filter out where it can't configure it; then the guard rejects.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use kit::bootstrap::{Configuration, Listener, WasmFilter};
use kit::envoy::{self, Update};
use kit::http::Response;
use kit::proxy::{Proxy, filter, now};
use kit::rows::{Request, World, get, header_config};
use serde_json::json;

/// Who answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The backend, and the filter has seen the request.
    Filtered,
    /// The backend, and no filter has seen the request.
    Unfiltered,
    /// The guard, and not the filter.
    Guard,
}

fn answer(response: &Response) -> Answer {
    match (response.status, response.header("x-ca-error-code")) {
        (200, None) if response.echoed().unwrap().header("x-filtered") == Some(b"OK") => Answer::Filtered,
        (200, None) => Answer::Unfiltered,
        (403, None) if response.text() == "RBAC: access denied" => Answer::Guard,
        _ => panic!("{response:?}"),
    }
}

/// Writes a module whose configuration fails on a worker, by these instructions.
fn failing_module(folder: &Path, name: &str, instructions: &str) -> PathBuf {
    let path = folder.join(format!("{name}.wasm"));
    let text = include_str!("guard/fails.wat").replace("$FAIL", instructions);
    std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
    path
}

/// Sends requests on many connections until both workers have answered: until all of `awaited` are there, half a minute at
/// most.
fn answers_of_both_workers(proxy: &Proxy, listener: &str, request: &Request, awaited: &[Answer]) -> Vec<Answer> {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut answers = Vec::new();
    while Instant::now() < deadline && !awaited.iter().all(|answer| answers.contains(answer)) {
        let round: Vec<Response> = thread::scope(|scope| {
            let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| proxy.send(listener, request))).collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        answers.extend(round.iter().map(answer));
    }
    answers
}

/// The ways in which a configuration can fail on a worker: it says so; or its memory runs out, where each VM has 1 GiB.
const FAILURES: [(&str, &str); 2] = [
    ("rejects", "(return (i32.const 0))"),
    ("memory", "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1024)) (i32.const -1)))) (unreachable)"),
];

#[test]
fn where_a_worker_has_no_filter_the_guard_rejects_and_without_a_guard_requests_pass() {
    let folder = tempfile::tempdir().unwrap();
    for binary in envoy::binaries() {
        for (name, instructions) in FAILURES {
            let module = failing_module(folder.path(), name, instructions);
            let taken_out = |vm_id: &str| {
                let mut filter = WasmFilter::new("jwt", &module, Configuration::Text(String::new()));
                filter.vm_id = vm_id.to_owned();
                filter
            };
            let proxy = Proxy::start(
                &binary,
                vec![
                    Listener::new("guarded", vec![taken_out("a")]).guarded("jwt_auth"),
                    Listener::new("open", vec![taken_out("b")]),
                ],
            );
            // What a client could send to pretend.
            let request = get()
                .header("jwt_auth_code", "OK")
                .header("wasm.jwt_auth_code", "OK")
                .header("x-envoy-filter-state", "wasm.jwt_auth_code=OK");
            let guarded = answers_of_both_workers(&proxy, "guarded", &request, &[Answer::Guard]);
            let open = answers_of_both_workers(&proxy, "open", &request, &[Answer::Unfiltered]);
            let denied = proxy.envoy.stat("http.guarded.rbac.denied").unwrap();
            let by_guard = guarded.iter().filter(|answer| **answer == Answer::Guard).count();
            assert_eq!(denied, by_guard as u64, "what the guard rejects is counted");
            let log = proxy.envoy.log();
            assert!(guarded.contains(&Answer::Guard) && !guarded.contains(&Answer::Unfiltered), "{guarded:?}\n{log}");
            assert!(open.contains(&Answer::Unfiltered), "the test takes nothing out: {open:?}\n{log}");
            assert!(log.contains("Failed to configure thread-local Wasm plugin"), "{log}");
        }
    }
}

/// The filter at work is replaced by one that some worker can't configure.
#[test]
fn an_update_that_takes_the_filter_out_lets_nothing_by_the_guard() {
    let folder = tempfile::tempdir().unwrap();
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let token = world.token(&json!({}));
        let config = Configuration::Text(header_config("outcome: {}"));
        let working = |name: &str| Listener::new(name, vec![filter(config.clone(), None)]);
        let mut proxy = Proxy::watched(&binary, vec![working("guarded").guarded("jwt_auth"), working("open")]);
        let before: Vec<_> = ["guarded", "open"]
            .into_iter()
            .flat_map(|listener| [proxy.run(listener, &get().token(&token).passes()), rejected(&proxy, listener)])
            .collect();
        proxy.report(&before.into_iter().filter_map(Result::err).collect::<Vec<_>>());

        let module = failing_module(folder.path(), "update", FAILURES[0].1);
        let taken_out = |vm_id: &str| {
            let mut filter = WasmFilter::new("jwt", &module, config.clone());
            filter.vm_id = vm_id.to_owned();
            filter
        };
        let update = proxy.envoy.update_listeners(&[
            Listener::new("guarded", vec![taken_out("a")]).guarded("jwt_auth"),
            Listener::new("open", vec![taken_out("b")]),
        ]);
        assert_eq!(update, Ok(Update::Accepted));
        let guarded = answers_of_both_workers(&proxy, "guarded", &get(), &[Answer::Guard]);
        let open = answers_of_both_workers(&proxy, "open", &get(), &[Answer::Unfiltered]);
        assert!(guarded.contains(&Answer::Guard) && !guarded.contains(&Answer::Unfiltered), "{guarded:?}");
        assert!(open.contains(&Answer::Unfiltered), "the update takes nothing out: {open:?}");
    }
}

/// Envoy rejects such an update and keeps what it has, with and without a guard.
#[test]
fn an_update_to_a_module_that_is_missing_leaves_the_filter_at_work() {
    for binary in envoy::binaries() {
        let config = Configuration::Text(header_config("outcome: {}"));
        let working = |name: &str| Listener::new(name, vec![filter(config.clone(), None)]);
        let mut proxy = Proxy::watched(&binary, vec![working("guarded").guarded("jwt_auth"), working("open")]);
        let missing = || vec![WasmFilter::new("jwt", Path::new("missing.wasm"), config.clone())];
        let update = proxy
            .envoy
            .update_listeners(&[
                Listener::new("guarded", missing()).guarded("jwt_auth"),
                Listener::new("open", missing()),
            ])
            .unwrap();
        assert!(matches!(&update, Update::Rejected(log) if log.contains("missing.wasm")), "{update:?}");
        let results = [rejected(&proxy, "guarded"), rejected(&proxy, "open")];
        proxy.report(&results.into_iter().filter_map(Result::err).collect::<Vec<_>>());
        let listener = Listener::new("new", missing()).guarded("jwt_auth");
        let bootstrap = kit::bootstrap::Bootstrap::fixed(proxy.upstream.address(), vec![listener]);
        assert!(envoy::Envoy::start(&binary, &bootstrap, 2).is_err(), "it starts without the module");
    }
}

fn rejected(proxy: &Proxy, listener: &str) -> Result<(), String> {
    proxy.run(listener, &get().rejected("I400JR", "JWT required"))
}

/// What the guard sees of each decision, and that a request which no filter has seen says nothing at all.
#[test]
fn the_guard_lets_by_what_the_filter_lets_by_and_nothing_else() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let token = world.token(&json!({}));
        let with = |lines: &str| vec![filter(Configuration::Text(header_config(lines)), None)];
        let mut off = with("outcome: {}");
        off[0].disabled = true;
        let proxy = Proxy::start(
            &binary,
            vec![
                Listener::new("default", with("outcome: {}\nbypassEmptyToken: true")).guarded("jwt_auth"),
                Listener::new("named", with("outcome: {prefix: payments}")).guarded("payments"),
                Listener::new("other", with("outcome: {prefix: payments}")).guarded("jwt_auth"),
                Listener::new("silent", with("bypassEmptyToken: true")).guarded("jwt_auth"),
                Listener::new("off", off).guarded("jwt_auth"),
                Listener::new("faulty", with("outcome: {}\ntypo: 1")).guarded("jwt_auth"),
            ],
        );
        let forged = || {
            get().header("jwt_auth_code", "OK").header("wasm.jwt_auth_code", "OK").header("x-jwt-auth-code", "BYPASSED")
        };
        let typo = "Invalid JWT plugin config: typo: unknown field";
        let mut failures: Vec<String> = [
            proxy.run("default", &get().token(&token).passes()),
            proxy.run("default", &get().passes()),
            proxy.run("default", &get().token("a.b.c").rejected("I400JD", "JWT Deserialize Failed: a.b.c")),
            proxy.run("named", &get().token(&token).passes()),
            proxy.run("named", &get().rejected("I400JR", "JWT required")),
            proxy.run("faulty", &get().token(&token).rejected("I400JP", typo)),
        ]
        .into_iter()
        .filter_map(Result::err)
        .collect();
        let before = proxy.upstream.requests();
        for listener in ["other", "silent", "off"] {
            for request in [get(), forged(), get().token(&token), forged().token(&token)] {
                let response = proxy.send(listener, &request);
                if !(response.status == 403 && response.text() == "RBAC: access denied")
                    && response.header("x-ca-error-code") != Some(b"I400JR")
                {
                    failures.push(format!("{listener}: {response:?}"));
                }
            }
        }
        assert_eq!(proxy.upstream.requests(), before);
        proxy.report(&failures);
    }
}
