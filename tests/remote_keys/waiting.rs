//! Requests that wait for keys: whatever their kind, nothing of them reaches the backend before the decision, and then
//! they arrive whole and edited, or not at all.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use kit::bootstrap::{Configuration, Listener};
use kit::envoy;
use kit::http::{Request, RequestBuilder, Response};
use kit::issuer::{Algorithm, SigningKey, jwk_set};
use kit::key_server::{Answer, Gate};
use kit::proxy::filter;

use crate::setup::{KEYS, Site, ask, claims, eventually, passed, serving};
use crate::staged::{Part, Staged};

/// The listeners, and whether they have `allow_on_headers_stop_iteration`.
const LISTENERS: [(&str, bool); 2] = [("stop", false), ("hold", true)];

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Sets a header and a parameter of the form.
fn configuration() -> String {
    format!(
        "parameter: X-Token\nclaimParameters:\n- {{claimName: sub, parameterName: X-Sub, location: header}}\n\
         - {{claimName: sub, parameterName: user, location: formData}}\n\
         remoteJwks: {{uri: 'http://issuer.test{KEYS}', cluster: issuer, timeoutSeconds: 60}}\n"
    )
}

/// What the backend gets of a request that passes.
enum Arrives {
    /// Its body.
    Body(Vec<u8>),
    /// Its body, and besides a trailer of the client that the filter doesn't set.
    BodyAndTrailer(Vec<u8>),
    /// Nothing: Envoy answers 413, because the body is larger than its buffer.
    Nothing,
}

impl Arrives {
    fn is_too_large(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// The kinds of requests, with names that begin with `prefix`. `hold` is `allow_on_headers_stop_iteration`: with it, Envoy buffers the body of a waiting
/// request; without it, Envoy stops reading.
fn kinds(prefix: &str, token: &str, hold: bool) -> Vec<(Staged, Arrives)> {
    let http1 =
        |name: &str, method: &str, content_type: &str, rest: &dyn Fn(RequestBuilder) -> RequestBuilder, late| {
            let name = format!("{prefix}{name}");
            let head = RequestBuilder::new(method, format!("/{name}")).header("host", "test").header("x-token", token);
            let head = head.header("x-sub", "forged").header("content-type", content_type);
            Staged::http1(name, &rest(head), late)
        };
    let http2 = |name: &str, content_type: &str, early: &[Part], late: &[Part]| {
        let headers = [("x-token", token), ("content-type", content_type), ("te", "trailers")];
        Staged::http2(format!("{prefix}{name}"), "POST", &headers, early, late)
    };
    let post = |name: &str, content_type: &str, body: &[u8], late: usize| {
        http1(name, "POST", content_type, &|head| head.body(body), late)
    };
    let chunked = |name: &str, content_type: &str, late: usize| {
        http1(name, "POST", content_type, &|head| head.chunked(&[b"a=1&us", b"er=2"]), late)
    };
    let upgrade =
        |head: RequestBuilder| head.header("connection", "upgrade").header("upgrade", "websocket").raw_body("early");
    let form = b"a=1&user=2".as_slice();
    let upload = vec![b'x'; 3 << 20];
    let empty = || Arrives::Body(Vec::new());
    let same = || Arrives::Body(form.to_vec());
    let edited = || Arrives::Body(b"a=1&user=alice".to_vec());
    let same_with_trailer = || Arrives::BodyAndTrailer(form.to_vec());
    let edited_with_trailer = || Arrives::BodyAndTrailer(b"a=1&user=alice".to_vec());
    let trailers: &[(&[u8], &[u8])] = &[(b"x-sub", b"forged"), (b"x-rest", b"kept")];
    let (first, second) = (|| Part::Data(b"a=1&us"), || Part::Data(b"er=2"));
    let end = || Part::Trailers(trailers);
    vec![
        (http1("get", "GET", JSON, &|head| head, 0), empty()),
        (http1("head", "HEAD", JSON, &|head| head, 0), empty()),
        (http1("expect", "POST", JSON, &|head| head.header("expect", "100-continue").body(form), 10), same()),
        (post("json", JSON, form, 0), same()),
        (post("json-half", JSON, form, 4), same()),
        (chunked("json-chunked", JSON, 0), same()),
        // The second chunk, of four bytes, and the end.
        (chunked("json-chunked-half", JSON, 14), same()),
        (post("form", FORM, form, 0), edited()),
        (post("form-half", FORM, form, 4), edited()),
        (post("form-late", FORM, form, form.len()), edited()),
        (chunked("form-chunked", FORM, 0), edited()),
        (chunked("form-chunked-half", FORM, 14), edited()),
        (post("upload", JSON, &upload, 0), if hold { Arrives::Nothing } else { Arrives::Body(upload.clone()) }),
        (http1("websocket", "GET", JSON, &upgrade, 0), empty()),
        (http2("h2", JSON, &[], &[]), empty()),
        (http2("h2-empty", FORM, &[Part::LastData(b"")], &[]), empty()),
        (http2("h2-form", FORM, &[Part::LastData(form)], &[]), edited()),
        (http2("h2-form-trailers", FORM, &[first(), second(), end()], &[]), edited_with_trailer()),
        (http2("h2-form-trailers-half", FORM, &[first()], &[second(), end()]), edited_with_trailer()),
        (http2("h2-form-trailers-end", FORM, &[first(), second()], &[end()]), edited_with_trailer()),
        (http2("h2-form-trailers-late", FORM, &[], &[first(), second(), end()]), edited_with_trailer()),
        (http2("h2-trailers", JSON, &[first(), second(), end()], &[]), same_with_trailer()),
        (http2("h2-trailers-half", JSON, &[first()], &[second(), end()]), same_with_trailer()),
        (http2("h2-trailers-end", JSON, &[first(), second()], &[end()]), same_with_trailer()),
        (http2("h2-trailers-late", JSON, &[], &[first(), second(), end()]), same_with_trailer()),
        (http2("grpc", "application/grpc", &[first()], &[Part::LastData(b"er=2")]), same()),
    ]
}

/// A request to one of the listeners, and what must become of it.
struct Trial {
    /// `hold` or `stop`: the listener.
    listener: &'static str,
    /// Whether its token is valid.
    is_valid: bool,
    request: Staged,
    arrives: Arrives,
}

/// Starts Envoy with one worker, which decides on all waiting requests before it answers a request that came later.
fn start(binary: &Path, key: &SigningKey, gate: &Gate) -> Site {
    let listeners = LISTENERS.map(|(name, hold)| {
        let mut filter = filter(Configuration::Text(configuration()), None);
        // In Envoy 1.36, all filters of a VM have the flag of the first one.
        filter.vm_id = name.to_owned();
        filter.hold_headers = hold;
        let mut listener = Listener::new(name, vec![filter]);
        listener.websockets = true;
        listener
    });
    let server = serving(&[]);
    server.set(KEYS, Answer::json(&jwk_set(&[(Some("a"), key)])).behind(gate));
    Site::with(binary, server, listeners.into(), Vec::new(), 1)
}

#[test]
fn nothing_of_a_waiting_request_passes_before_the_decision() {
    let key = SigningKey::generate(Algorithm::ES256);
    let valid = key.token(Some("a"), &claims("alice"));
    let forged = SigningKey::generate(Algorithm::ES256).token(Some("a"), &claims("alice"));
    for binary in envoy::binaries() {
        let (keys, decided) = (Gate::default(), Gate::default());
        let site = start(&binary, &key, &keys);
        let trials: Vec<Trial> = LISTENERS
            .into_iter()
            .flat_map(|(listener, hold)| [(listener, hold, true), (listener, hold, false)])
            .flat_map(|(listener, hold, is_valid)| {
                let prefix = format!("{listener}-{is_valid}-");
                let kinds = kinds(&prefix, if is_valid { &valid } else { &forged }, hold).into_iter();
                kinds.map(move |(request, arrives)| Trial { listener, is_valid, request, arrives })
            })
            .collect();
        let addresses: BTreeMap<_, _> = LISTENERS.into_iter().map(|(name, _)| (name, site.address(name))).collect();
        let responses: Vec<_> = thread::scope(|scope| {
            let sending: Vec<_> = trials
                .iter()
                .map(|trial| {
                    let (address, decided) = (&addresses[trial.listener], &decided);
                    scope.spawn(move || trial.request.exchange(address, decided))
                })
                .collect();
            for (listener, _) in LISTENERS {
                let waiting = trials.iter().filter(|trial| trial.listener == listener && !trial.arrives.is_too_large());
                let active = format!("http.{listener}.downstream_rq_active");
                let expected = waiting.count() as u64;
                eventually("all requests wait", || site.proxy.envoy.stat(&active) == Ok(expected));
            }
            // Time for the bodies to arrive, and for a mistake to show.
            thread::sleep(Duration::from_millis(300));
            let arrived = site.proxy.upstream.received();
            assert!(arrived.is_empty(), "before the decision: {arrived:?}");
            keys.open();
            for address in addresses.values() {
                assert_eq!(ask(address, &valid), passed("alice"));
            }
            decided.open();
            sending.into_iter().map(|sending| sending.join().unwrap()).collect()
        });
        let results = trials.iter().zip(responses);
        let arrived = arrived(&site);
        let failures: Vec<String> = results
            .filter_map(|(trial, response)| {
                let arrived = arrived.get(&format!("/{}", trial.request.name)).map_or(&[][..], Vec::as_slice);
                let why = trial.judge(&response.map_err(|error| error.to_string()), arrived).err()?;
                Some(format!("{}: {why}", trial.request.name))
            })
            .collect();
        site.proxy.report(&failures);
        site.assert_healthy(&[&valid, &forged]);
    }
}

impl Trial {
    /// Compares the response, and what arrived at the backend, with what was expected.
    fn judge(&self, response: &Result<Response, String>, arrived: &[Arrived]) -> Result<(), String> {
        let response = response.as_ref().map_err(Clone::clone)?;
        let code = String::from_utf8_lossy(response.header("x-ca-error-code").unwrap_or_default());
        let expected = match self.arrives {
            Arrives::Nothing => (413, ""),
            Arrives::Body(_) | Arrives::BodyAndTrailer(_) if self.is_valid => (200, ""),
            // Envoy answers calls of gRPC in its way.
            _ if self.request.name.ends_with("grpc") => (200, "A403JT"),
            _ => (403, "A403JT"),
        };
        if (response.status, &*code) != expected {
            return Err(format!("{} {code:?}, expected {expected:?}", response.status));
        }
        let (body, trailers) = match &self.arrives {
            Arrives::Body(body) if self.is_valid => (body, ""),
            Arrives::BodyAndTrailer(body) if self.is_valid => (body, "x-rest: kept\r\n"),
            _ if arrived.is_empty() => return Ok(()),
            _ => return Err(format!("arrived: {arrived:?}")),
        };
        let [(request, rest)] = arrived else { return Err(format!("arrived: {arrived:?}")) };
        if request.header_values("x-sub") != [b"alice"] {
            return Err(format!("x-sub: {request:?}"));
        }
        if &request.body != body {
            let start = &request.body[..request.body.len().min(100)];
            return Err(format!("{} bytes of body: {}", request.body.len(), start.escape_ascii()));
        }
        // The next request on the connection may follow.
        let end = format!("\r\n0\r\n{trailers}\r\n");
        if rest.contains("forged") || !trailers.is_empty() && !rest.contains(&end) {
            return Err(format!("trailers: {rest:?}"));
        }
        Ok(())
    }
}

/// A request that the backend got, and the bytes after its head.
type Arrived = (Request, String);

/// The requests that the backend got, by their path.
fn arrived(site: &Site) -> BTreeMap<String, Vec<Arrived>> {
    const VERSION: &[u8] = b" HTTP/1.1\r\n";
    let mut found: BTreeMap<String, Vec<Arrived>> = BTreeMap::new();
    for bytes in site.proxy.upstream.received() {
        let ends = (0..bytes.len()).filter(|&index| bytes[index..].starts_with(VERSION));
        for end in ends {
            let target = bytes[..end].iter().rposition(|&byte| byte == b' ').unwrap();
            // A request may follow right after a body.
            let before = bytes[..target].iter().rposition(|byte| !byte.is_ascii_uppercase());
            let start = &bytes[before.map_or(0, |index| index + 1)..];
            let request = Request::parse(start).unwrap_or_else(|error| panic!("{error}: {}", start.escape_ascii()));
            let head = start.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
            let path = String::from_utf8_lossy(&request.target).into_owned();
            found.entry(path).or_default().push((request, String::from_utf8_lossy(&start[head..]).into_owned()));
        }
    }
    found
}
