//! T17: the route that a request takes before and after the filter has changed it. Every route adds a header to its
//! requests, so that the backend's echo shows which route it was.

use std::path::Path;

use kit::bootstrap::{Configuration, Listener, WasmFilter};
use kit::envoy;
use kit::http::RequestBuilder;
use kit::issuer::{Algorithm, SigningKey};
use kit::proxy::{filter, now};
use kit::rows::{World, header_config};
use serde_json::{Value, json};

use crate::arena::{Arena, Lane};

const FILTER_CONFIG: &str = "type.googleapis.com/envoy.config.route.v3.FilterConfig";
const BACKEND_PATH: &str =
    "backendPath: /users/{sub}{path}\nclaimParameters: [{claimName: sub, parameterName: sub, location: path}]";

/// The settings of a route that turn the filter called `name` off.
fn exempt(name: &str) -> Value {
    json!({name: {"@type": FILTER_CONFIG, "disabled": true}})
}

fn bound(name: &str) -> Value {
    json!({name: {"@type": FILTER_CONFIG, "config": {}}})
}

/// A route for paths that begin with `prefix`. It sends `mark` to the backend as `x-route`.
fn route(mark: &str, prefix: &str, per_filter: Value) -> Value {
    let mut route = Listener::route(prefix, per_filter);
    route["request_headers_to_add"] =
        json!([{"header": {"key": "x-route", "value": mark}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]);
    route
}

/// Like [`route`], for all requests with this value of a header.
fn route_by_header(mark: &str, header: &str, value: &str, per_filter: Value) -> Value {
    let mut route = route(mark, "/", per_filter);
    route["match"]["headers"] = json!([{"name": header, "string_match": {"exact": value}}]);
    route
}

fn named(name: &str, config: String) -> WasmFilter {
    let mut filter = filter(Configuration::Text(config), None);
    name.clone_into(&mut filter.name);
    filter
}

fn arena(binary: &Path, filters: Vec<WasmFilter>, routes: Vec<Value>, edit: impl Fn(&mut Value)) -> Arena {
    let mut listener = Listener::new("a", filters);
    listener.routes = routes;
    Arena::edited(binary, vec![listener], |bootstrap| {
        edit(&mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]);
    })
}

/// The result of a request: route and target at the backend, or status and code of the response.
fn outcome(lane: &mut Lane, request: &RequestBuilder) -> String {
    let response = lane.send_bytes(&request.build());
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    match response.echoed() {
        Ok(echoed) if response.status == 200 => {
            format!("{} {}", echoed.header("x-route").map_or("-".to_owned(), text), text(&echoed.target))
        }
        _ => format!("{} {}", response.status, response.header("x-ca-error-code").map_or(String::new(), text)),
    }
}

fn expect(arena: &Arena, cases: &[(RequestBuilder, &str)]) {
    let mut lane = arena.lane("a");
    for (request, expected) in cases {
        assert_eq!(outcome(&mut lane, request), *expected, "{}", String::from_utf8_lossy(&request.build()));
    }
    arena.proxy.report(&arena.harm(std::iter::empty()));
}

fn with(target: &str, token: Option<&str>) -> RequestBuilder {
    let request = RequestBuilder::get(target);
    match token {
        Some(token) => request.header("x-token", token),
        None => request,
    }
}

/// A rewritten path may lead to an exempted route: by then the request has been authenticated.
#[test]
fn t17_a_rewritten_path_takes_another_route_only_once_authenticated() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let token = world.token(&json!({}));
        let forged = format!("{token}AAAA");
        let config = header_config(&format!("bypassEmptyToken: true\n{BACKEND_PATH}"));
        let routes = || vec![route("users", "/users/", exempt("jwt")), route("rest", "/", json!({}))];
        let arena = arena(&binary, vec![named("jwt", config)], routes(), |_| {});
        expect(
            &arena,
            &[
                (with("/p?a=b", Some(&token)), "users /users/alice/p?a=b"),
                (with("/p", None), "403 A403JT"),
                (with("/p", Some(&forged)), "403 A403JT"),
                (with("/../users/bob/p", Some(&token)), "403 A403JT"),
                (with("/users/../p", Some(&forged)), "users /users/../p"),
                // A client can request an exempted route directly, without a token. So a route that only rewritten
                // requests should take must not be exempted.
                (with("/users/bob/p", None), "users /users/bob/p"),
            ],
        );
    }
}

/// Envoy chooses the filters of a request by its original path, before the first filter runs. If the filter is on
/// everywhere, no path bypasses it. Rewriting the path neither adds nor removes a filter.
#[test]
fn t17_a_route_with_the_filter_can_not_be_reached_without_a_token() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let token = world.token(&json!({}));
        let other = SigningKey::generate(Algorithm::ES256);
        let of_other = other.token(None, &world.claims(&json!({})));
        // The safer setup: the filter is on everywhere. A rewritten request is authenticated once.
        let on = named("jwt", header_config(BACKEND_PATH));
        let routes = || vec![route("users", "/users/", json!({})), route("rest", "/", json!({}))];
        let arena_on = arena(&binary, vec![on], routes(), |_| {});
        expect(
            &arena_on,
            &[
                (with("/p", Some(&token)), "users /users/alice/p"),
                (with("/users/bob", Some(&token)), "users /users/alice/users/bob"),
                (with("/p", None), "400 I400JR"),
                (with("/users/bob", None), "400 I400JR"),
                (with("/users/../p", None), "400 I400JR"),
                (with("/p#/users/", None), "400 "),
                (with("http://test/users/bob", None), "400 I400JR"),
                (with("//users/bob", None), "400 I400JR"),
            ],
        );
        // Filters bound to routes: only the filter of the original route runs, not that of the route after rewriting.
        let mut second = named("second", format!("parameter: X-Second\njwk: {}", other.public_jwk(None, true)));
        second.disabled = true;
        let routes = vec![route("users", "/users/", bound("second")), route("rest", "/", json!({}))];
        let arena_bound = arena(&binary, vec![named("jwt", header_config(BACKEND_PATH)), second], routes, |_| {});
        expect(
            &arena_bound,
            &[
                (with("/p", None), "400 I400JR"),
                (with("/p", Some(&token)), "users /users/alice/p"),
                (with("/users/bob", Some(&token)), "400 I400JR"),
                (with("/users/bob", None).header("x-second", &of_other), "400 I400JR"),
                (with("/users/bob", Some(&token)).header("x-second", &of_other), "users /users/alice/users/bob"),
            ],
        );
    }
}

/// CVE-2023-27487, CVE-2020-8595, CVE-2021-29492: an exempted prefix before a guarded path.
#[test]
fn t17_an_exempted_prefix_in_front_of_a_guarded_path() {
    const HIDDEN: [&str; 8] = [
        "/public/../private",
        "/public/./../private",
        "/public/%2e%2e/private",
        "/public/.%2E/private",
        "/public/x/../../private",
        "/public/..%2fprivate",
        "/public%2f..%2fprivate",
        "/public/..\\private",
    ];
    let routes = || vec![route("public", "/public/", exempt("jwt")), route("rest", "/", json!({}))];
    for binary in envoy::binaries() {
        // By default, Envoy matches the bytes of the path and forwards them unchanged. So all our examples turn path
        // normalization on.
        let plain = arena(&binary, vec![named("jwt", header_config(""))], routes(), |_| {});
        let cases: Vec<_> = HIDDEN.iter().map(|path| (with(path, None), format!("public {path}"))).collect();
        for (request, as_sent) in &cases {
            let at_backend = outcome(&mut plain.lane("a"), request);
            let expected = if as_sent.contains("/public%2f") { "400 I400JR" } else { as_sent };
            assert_eq!(at_backend, expected);
        }
        let normalised = arena(&binary, vec![named("jwt", header_config(""))], routes(), |manager| {
            manager["normalize_path"] = true.into();
            manager["merge_slashes"] = true.into();
            manager["path_with_escaped_slashes_action"] = "REJECT_REQUEST".into();
        });
        for (request, _) in &cases {
            let outcome = outcome(&mut normalised.lane("a"), request);
            assert!(["400 I400JR", "400 "].contains(&outcome.as_str()), "{outcome}");
        }
        assert_eq!(normalised.proxy.upstream.requests(), 0);
        expect(
            &normalised,
            &[
                (with("/public/a", None), "public /public/a"),
                (with("/private?/public/", None), "400 I400JR"),
                (with("/private;/public/", None), "400 I400JR"),
                (with("/PUBLIC/a", None), "400 I400JR"),
                (with("/public", None), "400 I400JR"),
                (with("/publicity", None), "400 I400JR"),
                (with("/private", None).header("x-envoy-original-path", "/public/a"), "400 I400JR"),
                (with("/private", None).header("x-original-url", "/public/a"), "400 I400JR"),
                (with("/private", None).header("x-rewrite-url", "/public/a"), "400 I400JR"),
                (with("/private", None).header("x-forwarded-prefix", "/public/"), "400 I400JR"),
            ],
        );
    }
}

/// When a route matches a mapped header, the claim decides, not the header that the client sent.
#[test]
fn t17_a_mapped_header_chooses_the_route() {
    let mapped =
        "bypassEmptyToken: true\nclaimParameters: [{claimName: plan, parameterName: X-Plan, location: header}]";
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let token = |plan: &str| world.token(&json!({"plan": plan}));
        let forging = |name: &str, value: &str, token: Option<&str>| with("/p", token).header(name, value);
        let routes = || vec![route_by_header("gold", "x-plan", "gold", json!({})), route("rest", "/", json!({}))];
        let guarded = arena(&binary, vec![named("jwt", header_config(mapped))], routes(), |_| {});
        expect(
            &guarded,
            &[
                (with("/p", Some(&token("gold"))), "gold /p"),
                (with("/p", Some(&token("iron"))), "rest /p"),
                (forging("x-plan", "gold", Some(&token("iron"))), "rest /p"),
                (forging("X-PLAN", "gold", Some(&token("iron"))), "rest /p"),
                (forging("x-plan", "iron", Some(&token("gold"))), "gold /p"),
                (forging("x-plan", "gold", Some(&world.token(&json!({})))), "rest /p"),
                (forging("x-plan", "gold", None), "rest /p"),
                (forging("x_plan", "gold", None), "rest /p"),
                (forging("x-plan", "gold", None).header("x-plan", "gold"), "rest /p"),
            ],
        );
        // If a route is exempted by a header, any client can send it: Envoy chooses route and filters before the filter
        // runs.
        let routes = vec![route_by_header("gold", "x-plan", "gold", exempt("jwt")), route("rest", "/", json!({}))];
        let exempted = arena(&binary, vec![named("jwt", header_config(mapped))], routes, |_| {});
        expect(
            &exempted,
            &[(forging("x-plan", "gold", None), "gold /p"), (forging("x-plan", "iron", None), "rest /p")],
        );
    }
}

/// CVE-2024-45809: after the edits, no route may match.
#[test]
fn t17_no_route_after_the_rewriting() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let token = world.token(&json!({}));
        let filters = vec![named("jwt", header_config(BACKEND_PATH))];
        let arena = arena(
            &binary,
            filters,
            vec![route("q", "/q", json!({})), route("ok", "/users/alice/ok", json!({}))],
            |manager| {
                manager["route_config"]["virtual_hosts"][0]["routes"].as_array_mut().unwrap().pop();
            },
        );
        let cases = [
            (with("/q", Some(&token)), "404 "),
            (with("/q", None), "400 I400JR"),
            (with("/nowhere", None), "400 I400JR"),
            (with("/nowhere", Some(&token)), "404 "),
            (with("/ok", Some(&token)), "ok /users/alice/ok"),
        ];
        for _ in 0..5 {
            expect(&arena, &cases);
        }
        assert_eq!(arena.proxy.upstream.requests(), 5);
    }
}
