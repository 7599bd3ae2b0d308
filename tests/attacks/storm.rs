//! T21: whatever a client sends, the worker keeps running and the next valid request passes.

use std::thread;

use kit::envoy;
use kit::issuer::{Algorithm, SigningKey};
use kit::proxy::{bytes_of, now};
use kit::rows::{Request, World, get, key};
use serde_json::json;

use crate::arena::Arena;
use crate::encodings::base64url;

const HOSTILE: usize = 300;
const CONNECTIONS: usize = 4;

fn config(lines: &str) -> String {
    let keys = Algorithm::ALL.map(|algorithm| SigningKey::cached(algorithm).public_jwk(Some(algorithm.name()), true));
    format!(
        "parameter: X-Token\njwks: {}\nbackendPath: /u/{{sub}}{{path}}\n{lines}\nclaimParameters:
- {{claimName: sub, parameterName: sub, location: path}}
- {{claimName: v, parameterName: X-V, location: header}}
- {{claimName: v, parameterName: v, location: query}}
- {{claimName: v, parameterName: v, location: formData}}\n",
        json!(keys)
    )
}

/// Requests that are all rejected with 403, because Envoy closes an HTTP/1 connection after a 400.
fn hostile(world: &World, number: usize) -> Request {
    let algorithm = Algorithm::ALL[number % Algorithm::ALL.len()];
    let signer = SigningKey::cached(algorithm);
    let name = algorithm.name();
    let header = json!({"alg": name, "kid": name}).to_string();
    let claims = world.claims(&json!({"v": "x"})).to_string();
    let with = |header: &str, claims: &[u8]| signer.token_raw(header.as_bytes(), claims);
    let text = format!("{}.{}", base64url(&header), base64url(&claims));
    let token = match number / Algorithm::ALL.len() {
        0 => format!("{text}."),
        1 => format!("{text}.{}", base64url(vec![0xff; number % 600])),
        2 => format!("{text}.{}", base64url(vec![0; 8000])),
        3 => with(&json!({"alg": "none", "kid": name}).to_string(), claims.as_bytes()),
        4 => with(&json!({"alg": name, "kid": "k".repeat(9000)}).to_string(), claims.as_bytes()),
        5 => with(&json!({"alg": name, "kid": name, "crit": vec!["x"; 500]}).to_string(), claims.as_bytes()),
        6 => signer.token(Some(name), &world.claims(&json!({"exp": -1e300}))),
        7 => signer.token(Some(name), &world.claims(&json!({"exp": 1e300}))),
        8 => signer.token(Some(name), &world.claims(&json!({"nbf": 1e300}))),
        9 => signer.token(Some(name), &world.claims(&json!({"iat": "x"}))),
        10 => signer.token(Some(name), &world.claims(&json!({"sub": "a/../b", "v": "\r\n\0"}))),
        11 => signer.token(Some(name), &world.claims(&json!({"sub": ".."}))),
        12 => signer.token(Some(name), &world.claims(&json!({"sub": {"a": [[[]]]}, "v": "x".repeat(9000)}))),
        13 => signer.token(Some(name), &world.claims(&json!({"sub": "absent"}))),
        14 => format!("{text}.{}", base64url(signer.sign_raw(b"other"))),
        15 => signer.token(Some("\u{0}\r\n<b>\u{202e}"), &world.claims(&json!({}))),
        _ => {
            let mut signature = signer.sign_raw(text.as_bytes());
            let at = number % signature.len();
            signature[at] ^= 1 << (number % 8);
            format!("{text}.{}", base64url(signature))
        }
    };
    let bytes: Vec<u8> = (0..200).map(|byte| 0x80 | byte as u8).collect();
    let target = ["/p", "/%ff%00?%zz&=&&v=%", "/a//b?v=%ff&v[]=1", "/?"][number % 4];
    get().target(target).header("x-bytes", &bytes).header("cookie", b"\xff=;;=\xfe;\"").token(token)
}

#[test]
fn t21_three_hundred_hostile_requests_on_a_connection_and_then_a_good_one() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let arena = Arena::of_configs(&binary, &[("a", config("")), ("b", config("preventJtiReplay: true"))]);
        let addresses = ["a", "b"].map(|name| arena.address(name));
        let requests: Vec<Vec<u8>> = (0..HOSTILE).map(|number| bytes_of(&hostile(&world, number))).collect();
        thread::scope(|scope| {
            for client in 0..CONNECTIONS {
                let (address, requests) = (&addresses[client % 2], &requests);
                scope.spawn(move || {
                    let mut connection = kit::http::Connection::open(address).unwrap();
                    for (number, request) in requests.iter().enumerate() {
                        connection.send(request).unwrap();
                        let response = connection.receive().unwrap_or_else(|error| panic!("request {number}: {error}"));
                        let code = response.header("x-ca-error-code").unwrap_or_default();
                        let is_rejected = response.status == 403 && code.starts_with(b"A403J");
                        assert!(is_rejected, "request {number}: {} {}", response.status, response.text());
                    }
                });
            }
        });
        assert_eq!(arena.proxy.upstream.requests(), 0);
        let mut failures = good_requests_on_both_workers(&arena, &world);
        failures.extend(arena.harm(requests.iter().map(Vec::as_slice)));
        let counted = arena.proxy.counted();
        let rejected: u64 =
            counted.iter().filter(|(name, _)| name.starts_with("refused.")).map(|(_, count)| count).sum();
        assert_eq!(rejected, (HOSTILE * CONNECTIONS) as u64, "{counted:?}");
        arena.proxy.report(&failures);
    }
}

/// Sends valid requests, many at a time, until both workers have handled some. Returns the failures.
fn good_requests_on_both_workers(arena: &Arena, world: &World) -> Vec<String> {
    let workers = || {
        let stats = arena.proxy.envoy.stats("downstream_cx_total").unwrap();
        stats.into_iter().filter(|(name, _)| name.contains("worker_") && name.contains("a.sock")).collect::<Vec<_>>()
    };
    let before = workers();
    let address = arena.address("a");
    for _ in 0..50 {
        let outcomes: Vec<Result<(), String>> = thread::scope(|scope| {
            let clients: Vec<_> = (0..8)
                .map(|client| {
                    let address = &address;
                    scope.spawn(move || {
                        let algorithm = Algorithm::ALL[client];
                        let token = SigningKey::cached(algorithm)
                            .token(Some(algorithm.name()), &world.claims(&json!({"jti": format!("good{client}")})));
                        let response =
                            kit::http::exchange(address, &bytes_of(&get().token(token))).map_err(|e| e.to_string())?;
                        let target = response.echoed().map(|echoed| echoed.target).unwrap_or_default();
                        let is_good = response.status == 200 && target == b"/u/alice/p";
                        if is_good { Ok(()) } else { Err(format!("{} {}", response.status, response.text())) }
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let failures: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
        let after = workers();
        let busy = after.iter().zip(&before).filter(|(after, before)| after.1 > before.1).count();
        if !failures.is_empty() || busy == 2 {
            return failures;
        }
    }
    vec![format!("one worker handled no request: {:?}", workers())]
}

/// With a configuration error, both workers reject every request, however many come.
#[test]
fn t21_a_closed_filter_stays_closed_on_both_workers() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let arena = Arena::of_configs(&binary, &[("a", config("typo: 1"))]);
        let address = arena.address("a");
        let token = key().token(Some("ES256"), &world.claims(&json!({})));
        let statuses: Vec<u16> = thread::scope(|scope| {
            let clients: Vec<_> = (0..8)
                .map(|_| {
                    let (address, token) = (&address, &token);
                    scope.spawn(move || {
                        let request = bytes_of(&get().token(token));
                        (0..25).map(|_| kit::http::exchange(address, &request).unwrap().status).collect::<Vec<_>>()
                    })
                })
                .collect();
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        assert_eq!((statuses, arena.proxy.upstream.requests()), (vec![400; 200], 0));
        arena.proxy.report(&arena.harm(std::iter::empty()));
    }
}
