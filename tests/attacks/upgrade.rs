//! T6 for requests with an upgrade, whose `connection` header Envoy forwards.

use kit::bootstrap::{Configuration, Listener};
use kit::envoy;
use kit::http::Request;
use kit::http2;
use kit::proxy::{filter, now};
use kit::rows::{World, get, header_config};
use serde_json::json;

use crate::arena::Arena;

/// A second proxy that obeys RFC 9110 §7.6.1 drops each header that `connection` names. So `connection` must not name a
/// mapped header.
#[test]
fn t06_an_upgrade_never_asks_the_next_hop_to_drop_a_mapped_header() {
    const SUB: &str = "claimParameters: [{claimName: sub, parameterName: X-Sub, location: header}]";
    let listeners = || {
        let listener = |name: &str, lines: &str| {
            Listener::new(name, vec![filter(Configuration::Text(header_config(lines)), None)])
        };
        vec![listener("mapped", SUB), listener("bypass", &format!("bypassEmptyToken: true\n{SUB}"))]
    };
    let token = World { now: now() }.token(&json!({}));
    for binary in envoy::binaries() {
        let arena = Arena::edited(&binary, listeners(), |bootstrap| {
            for listener in bootstrap["static_resources"]["listeners"].as_array_mut().unwrap() {
                let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
                manager["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
                manager["http2_protocol_options"] = json!({"allow_connect": true});
            }
        });
        let at_backend = |listener: &str, token: Option<&str>, connection: &[&str]| {
            let request =
                token.into_iter().fold(get().header("Upgrade", "websocket"), |request, token| request.token(token));
            let request = connection.iter().fold(request, |request, value| request.header("Connection", value));
            let before: Vec<_> = arena.proxy.upstream.received().iter().map(Vec::len).collect();
            // Envoy does not forward the body of a failed upgrade to the client, so the test reads the request at the
            // backend.
            assert_eq!(arena.lane(listener).send(&request).status, 200);
            let known = before.into_iter().chain(std::iter::repeat(0));
            let received =
                arena.proxy.upstream.received().into_iter().zip(known).map(|(bytes, known)| bytes[known..].to_vec());
            let arrived = Request::parse(&received.collect::<Vec<_>>().concat()).unwrap();
            let texts = |name: &str| {
                let values = arrived.header_values(name).into_iter();
                values.map(|value| String::from_utf8(value.to_vec()).unwrap()).collect::<Vec<_>>()
            };
            (texts("connection"), texts("upgrade"), texts("x-sub"))
        };
        let strings = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        for (sent, expected) in [
            (&["Upgrade, X-Sub"][..], &["Upgrade"][..]),
            (&["x_sub,Upgrade , X-SUB"], &["Upgrade"]),
            (&["X-Sub", "Upgrade"], &["Upgrade"]),
            (&["Upgrade", "X-Sub"], &["Upgrade"]),
            (&["keep-alive, Upgrade,X.Sub"], &["keep-alive, Upgrade"]),
            (&["Upgrade"], &["Upgrade"]),
            (&["Upgrade, X-Subs"], &["Upgrade, X-Subs"]),
            // Not an upgrade: Envoy removes both headers.
            (&["close, X-Sub"], &[]),
            (&["X-Sub"], &[]),
        ] {
            let upgrade: &[&str] = if expected.is_empty() { &[] } else { &["websocket"] };
            let arrives = (strings(expected), strings(upgrade));
            let (connection, upgrade, sub) = at_backend("mapped", Some(&token), sent);
            assert_eq!(((connection, upgrade), sub), (arrives.clone(), strings(&["alice"])), "{sent:?}");
            let (connection, upgrade, sub) = at_backend("bypass", None, sent);
            assert_eq!(((connection, upgrade), sub), (arrives, strings(&[])), "{sent:?} without a token");
        }
        // HTTP/2 has no `connection` header, and Envoy rejects it [RFC 9113 §8.2.2].
        let before = arena.proxy.upstream.requests();
        let request = http2::Request::get("/p").header("x-token", &token).header("connection", "X-Sub");
        let answer = http2::exchange(&arena.address("mapped"), &request);
        assert!(answer.as_ref().map_or(true, |answer| answer.status == 400), "{answer:?}");
        assert_eq!(arena.proxy.upstream.requests(), before, "{answer:?}");
    }
}
