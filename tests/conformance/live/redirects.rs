//! Internal redirects: Envoy follows a redirect of the backend itself. It sends a new request through all filters, with
//! the headers as the filter changed them.

use kit::bootstrap::{Bootstrap, Configuration, Listener};
use kit::envoy::{self, Envoy};
use kit::proxy::{Proxy, filter, now};
use kit::rows::{World, get, header_config};
use kit::upstream::Upstream;
use serde_json::{Value, json};

/// A listener that sends `/start` to a backend that redirects to `/end`.
fn listener(name: &str, lines: &str) -> Listener {
    let lines = format!(
        "outcome: {{}}\nclaimParameters: [{{claimName: sub, parameterName: X-Sub, location: header}}]\n{lines}"
    );
    let mut listener =
        Listener::new(name, vec![filter(Configuration::Text(header_config(&lines)), None)]).guarded("jwt_auth");
    listener.routes.push(json!({
        "match": {"prefix": "/start"},
        "route": {"cluster": "redirecting", "internal_redirect_policy": {"max_internal_redirects": 1}},
    }));
    listener
}

/// An Envoy with these listeners. Another listener is the backend that redirects.
fn proxy(binary: &std::path::Path, mut listeners: Vec<Listener>) -> Proxy {
    let mut redirecting = Listener::new("redirecting", Vec::new());
    redirecting
        .routes
        .push(json!({"match": {"prefix": "/start"}, "redirect": {"path_redirect": "/end", "response_code": "FOUND"}}));
    listeners.push(redirecting);
    let upstream = Upstream::start();
    let mut bootstrap = Bootstrap::fixed(upstream.address(), listeners).render();
    let cluster = json!({
        "name": "redirecting",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "redirecting", "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": {"pipe": {"path": "redirecting.sock"}}}},
        ]}]},
    });
    for listener in bootstrap["static_resources"]["listeners"].as_array_mut().unwrap() {
        let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
        // Without x-forwarded-proto, which the routes of the test kit remove, Envoy finds no route for the second
        // request.
        manager["route_config"]["request_headers_to_remove"] = json!([]);
    }
    bootstrap["static_resources"]["clusters"].as_array_mut().unwrap().push(cluster);
    let envoy = Envoy::start_with(binary, "envoy.json", &bootstrap.to_string(), 2);
    Proxy { envoy: envoy.unwrap_or_else(|error| panic!("{error}")), upstream }
}

/// The result of a request for `/start`: path and user at the backend, or status and code of the response.
fn outcome(proxy: &Proxy, listener: &str, token: &str) -> String {
    let response = proxy.send(listener, &get().target("/start").token(token));
    let text = |value: Option<&[u8]>| value.map_or("-".to_owned(), |value| String::from_utf8_lossy(value).into_owned());
    match response.echoed() {
        Ok(echoed) if response.status == 200 => {
            format!("{} {}", text(Some(&echoed.target)), text(echoed.header("x-sub")))
        }
        _ => format!("{} {}", response.status, text(response.header("x-ca-error-code"))),
    }
}

#[test]
fn the_filter_decides_again_on_a_redirected_request_as_it_changed_it() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let token = world.token(&json!({"jti": "redirected"}));
        // The first decision must not count for the second request. Here, no filter decides on the second one.
        let mut forgotten = listener("forgotten", "");
        forgotten.routes.push(Listener::route(
            "/end",
            json!({"jwt": {
                "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
                "disabled": true,
            }}),
        ));
        let listeners = vec![
            listener("forwarded", ""),
            listener("hidden", "forwardToken: false"),
            listener("anonymous", "forwardToken: false\nbypassEmptyToken: true"),
            listener("once", "preventJtiReplay: true"),
            forgotten,
        ];
        let proxy = proxy(&binary, listeners);
        let outcomes: Vec<Value> = ["forwarded", "hidden", "anonymous", "once", "forgotten"]
            .into_iter()
            .map(|listener| json!([listener, outcome(&proxy, listener, &token)]))
            .collect();
        let expected = json!([
            ["forwarded", "/end alice"],
            ["hidden", "400 I400JR"],
            ["anonymous", "/end -"],
            ["once", "403 S403JU"],
            ["forgotten", "403 -"],
        ]);
        assert_eq!(Value::from(outcomes), expected, "{}", proxy.envoy.log());
    }
}
