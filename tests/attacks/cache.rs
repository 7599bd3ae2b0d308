//! T14: errors that a token cache could make. The cache is on by default; without an error, clients can't notice it.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use kit::bootstrap::{Configuration, Listener};
use kit::envoy::{self, Update};
use kit::issuer::{Algorithm, SigningKey};
use kit::proxy::{Proxy, filter, now};
use kit::rows::{Row, World, config, date, get, header_config, row};
use serde_json::json;

use crate::arena::Arena;
use crate::encodings::{base64url, segments};

attacks! {
    t14_a_token_is_known_by_all_of_its_bytes: EITHER, a_token_is_known_by_all_of_its_bytes;
    t14_no_token_gets_the_claims_of_another: EITHER, no_token_gets_the_claims_of_another;
}

const MAPPED: &str = "claimParameters: [{claimName: sub, parameterName: X-Sub, location: header}]";

/// A valid token does not let a similar forged one pass, and a forged one does not get the valid one rejected. All
/// requests use one connection, so one worker and one cache.
fn a_token_is_known_by_all_of_its_bytes(world: &World) -> Vec<Row> {
    let claims = world.claims(&json!({}));
    let rsa = SigningKey::cached(Algorithm::RS256);
    let (alice, bob) = (rsa.token(None, &claims), rsa.token(None, &world.claims(&json!({"sub": "bob"}))));
    let passes = |token: &str, sub: &str| get().token(token).passes_to("/p", &[], &[("x-sub", sub)]);
    let forged = |token: String| get().token(token).invalid("signature verification failed");
    let [header, payload, signature] = segments(&alice);
    let [_, of_bob, signature_of_bob] = segments(&bob);
    let other_header = base64url(r#"{"alg":"RS256","typ":"JWT","x":1}"#);
    let last = if signature.ends_with('A') { "Q" } else { "A" };
    let mut steps = Vec::new();
    for _ in 0..3 {
        steps.extend([
            forged(format!("{header}.{of_bob}.{signature}")),
            passes(&alice, "alice"),
            forged(format!("{header}.{payload}.{signature_of_bob}")),
            forged(format!("{header}.{of_bob}.{signature}")),
            forged(format!("{other_header}.{payload}.{signature}")),
            forged(format!("{header}.{payload}.")),
            forged(format!("{header}.{payload}.{}{last}", &signature[..signature.len() - 1])),
            passes(&bob, "bob"),
            passes(&format!("Bearer {alice}"), "alice"),
        ]);
    }
    vec![row("twins", format!("parameter: X-Token\njwk: {}\n{MAPPED}", rsa.public_jwk(None, true)), steps)]
}

/// CVE-2026-35039: more tokens than the cache has room for, each with its own claims, again and again.
fn no_token_gets_the_claims_of_another(world: &World) -> Vec<Row> {
    let rows = [
        "tokenCache: {maxEntries: 3}",
        "tokenCache: {maxBytes: 4000}",
        "tokenCache: {maxEntries: 0}",
        "tokenCache: {maxEntries: 1, maxBytes: 1}",
        "",
    ];
    rows.into_iter()
        .map(|lines| {
            let tokens: Vec<_> =
                (0..12).map(|user| format!("user{user}")).map(|sub| (world.token(&json!({"sub": sub})), sub)).collect();
            let orders = [1_usize, 5, 7, 11, 1];
            let steps = orders.into_iter().flat_map(|step| (0..12).map(move |place| step * place % 12)).map(|index| {
                let (token, sub) = &tokens[index];
                get().header("X-Sub", "forged").token(token).passes_to("/p", &["x-sub"], &[("x-sub", sub)])
            });
            row(lines, header_config(&format!("{lines}\n{MAPPED}")), steps.collect())
        })
        .collect()
}

/// A cached token still expires, and its used `jti` stays used.
#[test]
fn t14_the_clock_and_the_replay_store_are_asked_each_time() {
    for binary in envoy::binaries() {
        let arena = Arena::of_configs(
            &binary,
            &[
                ("plain", header_config("")),
                ("skew", header_config("clockSkewSeconds: 1")),
                ("replay", header_config("preventJtiReplay: true")),
                ("query", config("parameter: t\nparameterLocation: query\npreventJtiReplay: true")),
            ],
        );
        let world = World { now: now() };
        let end = world.now + 3;
        let token = world.token(&json!({"exp": end}));
        let expired = || get().token(&token).rejected("A403JE", format!("JWT is expired at {}", date(end)));
        let mut failures = Vec::new();
        let (mut plain, mut skew) = (arena.lane("plain"), arena.lane("skew"));
        for _ in 0..5 {
            failures.extend(plain.run(&get().token(&token).passes()).err());
            failures.extend(skew.run(&get().token(&token).passes()).err());
        }
        let once = world.token(&json!({"jti": "cached"}));
        let used = |request: kit::rows::Request| request.rejected("S403JU", "Claim jti in JWT is used");
        let mut replay = arena.lane("replay");
        failures.extend(replay.run(&get().token(&once).passes()).err());
        for _ in 0..5 {
            failures.extend(replay.run(&used(get().token(&once))).err());
            failures.extend(arena.lane("replay").run(&used(get().token(&once))).err());
        }
        failures.extend(arena.lane("query").run(&used(get().target(format!("/p?t={once}")))).err());
        while now() < end {
            thread::sleep(Duration::from_millis(50));
        }
        for _ in 0..3 {
            failures.extend(plain.run(&expired()).err());
        }
        while now() < end + 1 {
            thread::sleep(Duration::from_millis(50));
        }
        failures.extend(skew.run(&expired()).err());
        failures.extend(arena.harm(std::iter::empty()));
        arena.proxy.report(&failures);
    }
}

/// When a key is removed from the configuration, its tokens are rejected, also cached ones.
#[test]
fn t14_another_configuration_knows_no_token_of_the_last() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let listener = |text: String| Listener::new("a", vec![filter(Configuration::Text(text), None)]);
        let mut proxy = Proxy::watched(&binary, vec![listener(header_config(""))]);
        let token = world.token(&json!({}));
        let other = SigningKey::generate(Algorithm::ES256).public_jwk(Some("k1"), true);
        let mut answers: HashMap<&str, Vec<(u16, String)>> = HashMap::new();
        let ask = |proxy: &Proxy| -> Vec<(u16, String)> {
            let answer = || {
                let response = proxy.send("a", &get().token(&token));
                (
                    response.status,
                    String::from_utf8_lossy(response.header("x-ca-error-code").unwrap_or_default()).into_owned(),
                )
            };
            // Enough connections to reach both workers.
            (0..12).map(|_| answer()).collect()
        };
        answers.insert("first", ask(&proxy));
        for (name, text) in [
            ("another key", format!("parameter: X-Token\njwk: {other}")),
            ("an issuer", header_config("issuer: me")),
            ("invalid", header_config("typo: 1")),
            ("again", header_config("forwardToken: false")),
        ] {
            assert_eq!(proxy.envoy.update_listeners(&[listener(text)]).unwrap(), Update::Accepted);
            answers.insert(name, ask(&proxy));
        }
        let all = |status: u16, code: &str| vec![(status, code.to_owned()); 12];
        assert_eq!(answers["first"], all(200, ""));
        assert_eq!(answers["another key"], all(403, "A403JT"));
        assert_eq!(answers["an issuer"], all(403, "A403JT"));
        assert_eq!(answers["invalid"], all(400, "I400JP"));
        assert_eq!(answers["again"], all(200, ""));
    }
}
