//! T13: one `jti` on both workers and in two filters at the same time.

use std::sync::Barrier;
use std::thread;

use kit::envoy;
use kit::proxy::now;
use kit::rows::{World, get, header_config};
use serde_json::json;

use crate::arena::Arena;

#[test]
fn t13_a_race_with_forged_and_good_tokens() {
    const JTIS: usize = 60;
    const CLIENTS: usize = 6;
    for binary in envoy::binaries() {
        let world = World { now: now() };
        // Filters with the same vm_id share their used `jti`s.
        let config = header_config("preventJtiReplay: true");
        let arena = Arena::of_configs(&binary, &[("one", config.clone()), ("two", config)]);
        let tokens: Vec<_> = (0..JTIS).map(|jti| world.token(&json!({"jti": format!("race{jti}")}))).collect();
        let start = Barrier::new(CLIENTS);
        let (one, two) = (arena.address("one"), arena.address("two"));
        let statuses: Vec<Vec<(u16, u16)>> = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let address = if client % 2 == 0 { &one } else { &two };
                    let (tokens, start) = (&tokens, &start);
                    scope.spawn(move || {
                        let send = |token: &str| {
                            let bytes = kit::proxy::bytes_of(&get().token(token));
                            kit::http::exchange(address, &bytes).unwrap().status
                        };
                        tokens
                            .iter()
                            .map(|token| {
                                start.wait();
                                (send(&format!("{token}AAAA")), send(token))
                            })
                            .collect()
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        for jti in 0..JTIS {
            let answers: Vec<_> = statuses.iter().map(|client| client[jti]).collect();
            let passed = answers.iter().filter(|(_, good)| *good == 200).count();
            let rejected = answers.iter().filter(|(_, good)| *good == 403).count();
            assert!(answers.iter().all(|(forged, _)| *forged == 403), "{answers:?}");
            assert_eq!((passed, rejected), (1, CLIENTS - 1), "jti {jti}: {answers:?}");
        }
        assert_eq!(arena.proxy.upstream.requests(), JTIS);
        arena.proxy.report(&arena.harm(std::iter::empty()));
    }
}
