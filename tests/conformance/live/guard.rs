//! `outcome` and the guard. The guard is an RBAC filter after this one that forwards only requests that this one has
//! accepted. When Envoy can't configure a filter on a worker, it leaves it out there, and the guard rejects all
//! requests.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use kit::bootstrap::{Configuration, Listener, WasmFilter};
use kit::envoy::{self, Update};
use kit::http::Response;
use kit::proxy::{Proxy, filter, now};
use kit::rows::{Request, World, get, header_config};
use serde_json::json;

/// Where a response comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The backend, for a request that went through the filter.
    Filtered,
    /// The backend, for a request that went through no filter.
    Unfiltered,
    /// The guard.
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

/// Writes a module whose configuration fails on a worker when it runs these instructions.
fn failing_module(folder: &Path, name: &str, instructions: &str) -> PathBuf {
    let path = folder.join(format!("{name}.wasm"));
    let text = include_str!("guard/fails.wat").replace("$FAIL", instructions);
    std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
    path
}

/// Sends requests on many connections until both workers have responded, that is, until all of `awaited` have come.
/// Stops after half a minute.
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

/// The ways in which a configuration can fail on a worker: it returns false, or it uses up the VM's 1 GiB of memory.
const FAILURES: [(&str, &str); 2] = [
    ("false", "(return (i32.const 0))"),
    ("memory", "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1024)) (i32.const -1)))) (unreachable)"),
];

#[test]
fn on_a_worker_without_the_filter_the_guard_rejects_and_without_a_guard_requests_pass() {
    let folder = tempfile::tempdir().unwrap();
    for binary in envoy::binaries() {
        for (name, instructions) in FAILURES {
            let module = failing_module(folder.path(), name, instructions);
            let failing = |vm_id: &str| {
                let mut filter = WasmFilter::new("jwt", &module, Configuration::Text(String::new()));
                filter.vm_id = vm_id.to_owned();
                filter
            };
            let proxy = Proxy::start(
                &binary,
                vec![
                    Listener::new("guarded", vec![failing("a")]).guarded("jwt_auth"),
                    Listener::new("open", vec![failing("b")]),
                ],
            );
            // Headers that a client could send to imitate the outcome.
            let request = get()
                .header("jwt_auth_code", "OK")
                .header("wasm.jwt_auth_code", "OK")
                .header("x-envoy-filter-state", "wasm.jwt_auth_code=OK");
            let guarded = answers_of_both_workers(&proxy, "guarded", &request, &[Answer::Guard]);
            let open = answers_of_both_workers(&proxy, "open", &request, &[Answer::Unfiltered]);
            let denied = proxy.envoy.stat("http.guarded.rbac.denied").unwrap();
            let by_guard = guarded.iter().filter(|answer| **answer == Answer::Guard).count();
            assert_eq!(denied, by_guard as u64, "Envoy counts the rejections by the guard");
            let log = proxy.envoy.log();
            assert!(guarded.contains(&Answer::Guard) && !guarded.contains(&Answer::Unfiltered), "{guarded:?}\n{log}");
            assert!(open.contains(&Answer::Unfiltered), "the filter is not left out: {open:?}\n{log}");
            assert!(log.contains("Failed to configure thread-local Wasm plugin"), "{log}");
        }
    }
}

/// An update replaces the working filter with one that fails on some worker.
#[test]
fn after_an_update_that_removes_the_filter_nothing_passes_the_guard() {
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
        let failing = |vm_id: &str| {
            let mut filter = WasmFilter::new("jwt", &module, config.clone());
            filter.vm_id = vm_id.to_owned();
            filter
        };
        let update = proxy.envoy.update_listeners(&[
            Listener::new("guarded", vec![failing("a")]).guarded("jwt_auth"),
            Listener::new("open", vec![failing("b")]),
        ]);
        assert_eq!(update, Ok(Update::Accepted));
        let guarded = answers_of_both_workers(&proxy, "guarded", &get(), &[Answer::Guard]);
        let open = answers_of_both_workers(&proxy, "open", &get(), &[Answer::Unfiltered]);
        assert!(guarded.contains(&Answer::Guard) && !guarded.contains(&Answer::Unfiltered), "{guarded:?}");
        assert!(open.contains(&Answer::Unfiltered), "the update does not remove the filter: {open:?}");
    }
}

/// Envoy rejects such an update and keeps the old listeners, with and without a guard.
#[test]
fn after_an_update_to_a_missing_module_the_filter_keeps_working() {
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
        assert!(envoy::Envoy::start(&binary, &bootstrap, 2).is_err(), "Envoy starts without the module");
    }
}

fn rejected(proxy: &Proxy, listener: &str) -> Result<(), String> {
    proxy.run(listener, &get().rejected("I400JR", "JWT required"))
}

/// The guard forwards a request only after the filter has accepted it, and never without the filter.
#[test]
fn the_guard_forwards_exactly_the_requests_that_the_filter_accepts() {
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
