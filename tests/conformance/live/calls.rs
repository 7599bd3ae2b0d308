//! How often the filter calls its host. These calls are most of the cost of a request.

use std::time::Duration;

use kit::bootstrap::{Configuration, Listener};
use kit::envoy;
use kit::proxy::{Proxy, filter, now};
use kit::rows::{Request, World, get, header_config, post};
use serde_json::json;

const TWO_HEADERS: &str = "claimParameters: [{claimName: sub, parameterName: X-Sub, location: header},
  {claimName: iss, parameterName: X-Iss, location: header}]";

/// The calls for a request without edits: all headers at once, and the time.
const LEAST: [&str; 2] = ["proxy_get_header_map_pairs", "proxy_get_current_time_nanoseconds"];

/// Counts the calls of the third request with a token. The first two are verified and fill the cache.
#[test]
fn an_accepted_request_makes_only_the_host_calls_that_it_needs() {
    let place = |place: &str, more: &str| {
        format!("claimParameters: [{{claimName: sub, parameterName: sub, location: {place}}}]\n{more}")
    };
    let (verify, set, add, remove) = (
        "proxy_call_foreign_function",
        "proxy_replace_header_map_value",
        "proxy_add_header_map_value",
        "proxy_remove_header_map_value",
    );
    let (get_shared, set_shared) = ("proxy_get_shared_data", "proxy_set_shared_data");
    let form = post("application/x-www-form-urlencoded", "a=1");
    let uncached = "tokenCache: {maxEntries: 0}";
    let kinds: Vec<(&str, String, Request, Vec<&str>)> = vec![
        ("known", String::new(), get(), vec![]),
        ("new", uncached.to_owned(), get(), vec![verify]),
        ("headers", TWO_HEADERS.to_owned(), get(), vec![add, add]),
        (
            "forged",
            TWO_HEADERS.to_owned(),
            get().header("x-sub", "forged").header("x_iss", "forged"),
            vec![set, remove, add],
        ),
        ("query", place("query", ""), get(), vec![set]),
        ("path", place("path", "backendPath: /{sub}{path}"), get(), vec![set]),
        ("form", place("formData", ""), form, vec![remove, "proxy_get_buffer_bytes", "proxy_set_buffer_bytes"]),
        ("hidden", "forwardToken: false".to_owned(), get(), vec![remove]),
        ("nothing", "bypassEmptyToken: true".to_owned(), get(), vec![]),
        // `outcome` costs one call. All other cases are without it and have no such call.
        ("outcome", "outcome: {}".to_owned(), get(), vec!["proxy_set_property"]),
        ("bypassed", "outcome: {}\nbypassEmptyToken: true".to_owned(), get(), vec!["proxy_set_property"]),
        // The count of all `jti`s is not updated here, because a worker reserves places for many at once.
        ("replay", "preventJtiReplay: true".to_owned(), get(), vec![verify, get_shared, set_shared]),
    ];
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let listeners = kinds.iter().map(|(name, lines, ..)| {
            Listener::new(name, vec![filter(Configuration::Text(header_config(lines)), Some("signatures: host"))])
        });
        let proxy = Proxy::with_workers(&binary, listeners.collect(), 1);
        let mut failures = Vec::new();
        for (name, _, request, more) in &kinds {
            let same = world.token(&json!({"sub": "alice", "iss": "me"}));
            let request = |number: usize| match *name {
                "nothing" | "bypassed" => request.clone(),
                "replay" => request.clone().token(world.token(&json!({"jti": format!("jti-{number}")}))),
                _ => request.clone().token(&same),
            };
            for number in 0..2 {
                assert_eq!(proxy.send(name, &request(number)).status, 200, "{name}");
            }
            let mut expected: Vec<&str> = LEAST.iter().chain(more).copied().collect();
            let mut found = calls(&proxy, name, &request(2));
            found.sort();
            expected.sort();
            if found != expected {
                failures.push(format!("{name}: {found:?}, expected {expected:?}"));
            }
        }
        proxy.report(&failures);
    }
}

/// The host calls that Envoy logs for one request.
fn calls(proxy: &Proxy, listener: &str, request: &Request) -> Vec<String> {
    // A worker's timer also makes calls, but there is enough time between two ticks.
    proxy.envoy.admin_post("/logging?wasm=trace").unwrap();
    let before = proxy.envoy.log().len();
    assert_eq!(proxy.send(listener, request).status, 200);
    std::thread::sleep(Duration::from_millis(50));
    let log = proxy.envoy.log().split_off(before);
    proxy.envoy.admin_post("/logging?wasm=info").unwrap();
    let lines = log.lines().filter_map(|line| line.split_once("[vm->host] env.")?.1.split_once('('));
    lines.map(|(name, _)| name.to_owned()).collect()
}
