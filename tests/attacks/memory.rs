//! T22: a VM that runs out of memory. When Envoy can't configure a filter on a worker, it leaves it out there and
//! forwards every request. So no client may be able to fill a VM until the next update fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use kit::bootstrap::{Bootstrap, Configuration, Listener};
use kit::envoy::{self, Envoy, Update};
use kit::http::{Address, Connection, exchange};
use kit::issuer::{Algorithm, SigningKey};
use kit::proxy::{Proxy, bytes_of, filter, now};
use kit::rows::{World, get};
use kit::upstream::Upstream;
use serde_json::{Value, json};

/// Listeners, and updates of all of them. While old listeners drain, all configurations are in one VM. With `maxBytes`
/// of 64 MiB each, they would need 1.1 GiB; a VM has 1 GiB.
const LISTENERS: usize = 6;
const UPDATES: usize = 3;

/// A configuration with the largest cache and the largest cache entries: each of its 256 targets has its own copy of
/// the claim, of up to 8,000 bytes.
fn configuration(key: &SigningKey) -> Value {
    let rsa = SigningKey::cached(Algorithm::RS256);
    let keys: Vec<_> = (0..99).map(|number| rsa.public_jwk(Some(&format!("k{number}")), true)).collect();
    let targets: Vec<_> = (0..256)
        .map(|number| json!({"claimName": "big", "parameterName": format!("p{number}"), "location": "formData"}))
        .collect();
    json!({
        "parameter": "X-Token",
        "jwk": key.public_jwk(None, true),
        "jwks": keys,
        "claimParameters": targets,
        "tokenCache": {"maxEntries": 1_000_000, "maxBytes": 64 << 20},
    })
}

fn listeners(update: usize, configuration: &Value) -> Vec<Listener> {
    let one = |number: usize| {
        let mut configuration = configuration.clone();
        // All configurations differ, because equal ones share a root context.
        configuration["clockSkewSeconds"] = (update * LISTENERS + number).into();
        let mut listener =
            Listener::new(&format!("l{number}"), vec![filter(Configuration::Text(configuration.to_string()), None)]);
        // Envoy responds itself, which is faster than a backend.
        listener.routes = vec![json!({"match": {"prefix": "/"}, "direct_response": {"status": 200}})];
        listener
    };
    (0..LISTENERS).map(one).collect()
}

/// Different valid tokens, with a claim of the greatest length that a mapping forwards.
fn tokens(key: &SigningKey, world: &World, count: usize) -> Vec<String> {
    let token = |number: usize| {
        key.token(None, &world.claims(&json!({"jti": number.to_string(), "big": format!("{number:06}").repeat(1300)})))
    };
    (0..count).map(token).collect()
}

/// Sends each token twice on one connection, so that its worker caches it. About 32 tokens fill 64 MiB. Returns the
/// failures.
fn fill(address: &Address, tokens: &[String]) -> Vec<String> {
    let send = |tokens: &[String]| -> Vec<String> {
        let mut connection = Connection::open(address).unwrap();
        let mut answer = |token| {
            let answer = connection.send(&bytes_of(&get().token(token))).and_then(|()| connection.receive());
            let status = answer.map(|response| response.status).map_err(|error| error.to_string());
            (status != Ok(200)).then(|| format!("a valid token got {status:?}"))
        };
        tokens.iter().flat_map(|token| [token, token]).find_map(&mut answer).into_iter().collect()
    };
    thread::scope(|scope| {
        let clients: Vec<_> = tokens.chunks(20).map(|tokens| scope.spawn(move || send(tokens))).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

/// Sends requests without a token until `is_over`, each on a new connection so that all workers get some. Returns the
/// number of requests, and every response other than I400JR.
fn probe(addresses: &[Address], is_over: &AtomicBool) -> (usize, Vec<String>) {
    let mut asked = 0;
    let mut wrong = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(2));
        let address = &addresses[asked % addresses.len()];
        // The socket may be missing for a moment while Envoy replaces the listener.
        if let Ok(response) = exchange(address, &bytes_of(&get())) {
            asked += 1;
            if response.status != 400 || response.header("x-ca-error-code") != Some(b"I400JR") {
                wrong.push(format!("a request without a token got {}", response.status));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    (asked, wrong)
}

#[test]
fn t22_no_update_finds_a_vm_without_memory() {
    let key = SigningKey::from_shared_secret(Algorithm::HS256, &[7; 32]);
    let tokens = tokens(&key, &World { now: now() }, 80);
    let configuration = configuration(&key);
    for binary in envoy::binaries() {
        let upstream = Upstream::start();
        let bootstrap = Bootstrap::watched(upstream.address(), listeners(0, &configuration)).draining_for(600);
        let envoy = Envoy::start(&binary, &bootstrap, 2).unwrap_or_else(|error| panic!("{error}"));
        let mut proxy = Proxy { envoy, upstream };
        let addresses: Vec<_> =
            (0..LISTENERS).map(|number| proxy.envoy.address(&format!("l{number}")).unwrap()).collect();
        let is_over = AtomicBool::new(false);
        let (mut failures, asked) = thread::scope(|scope| {
            let prober = scope.spawn(|| probe(&addresses, &is_over));
            let mut failures = Vec::new();
            for update in 1..=UPDATES {
                failures.extend(addresses.iter().flat_map(|address| fill(address, &tokens)));
                let outcome = proxy.envoy.update_listeners(&listeners(update, &configuration));
                if outcome != Ok(Update::Accepted) {
                    failures.push(format!("update {update}: {outcome:?}"));
                    break;
                }
            }
            failures.extend(addresses.iter().flat_map(|address| fill(address, &tokens[..20])));
            is_over.store(true, Ordering::Relaxed);
            let (asked, wrong) = prober.join().unwrap();
            failures.extend(wrong);
            (failures, asked)
        });
        assert!(asked > 50, "{asked} probes only");
        let log = proxy.envoy.log();
        failures
            .extend(log.lines().filter(|line| line.contains("Failed to configure thread-local")).map(str::to_owned));
        let reloads = proxy.envoy.stats("vm_reload").unwrap();
        failures.extend(
            reloads.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name}: {count}")),
        );
        failures.extend(proxy.unsafe_log_lines(tokens.iter().map(String::as_bytes)));
        failures.dedup();
        println!("{}: {asked} probes, {} kB", binary.display(), resident_kilobytes(proxy.envoy.id()));
        proxy.report(&failures);
    }
}

/// The resident memory of a process.
fn resident_kilobytes(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
