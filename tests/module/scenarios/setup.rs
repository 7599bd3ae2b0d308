//! Workers with the shipped module that fetch keys, and the requests and replies of the tests.

use std::time::Duration;

use kit::issuer::{Algorithm, SigningKey, jwk_set};
use serde_json::json;

use crate::host::{Headers, HttpCall, Mode, Process, Reply, Response, Stream, Vm, pass};
use crate::{MODULE, owned};

/// The first root context of each worker.
pub(super) const ROOT: u32 = 1;

/// The label of the set of [`configuration`] in the names of gauges.
pub(super) const LABEL: &str = "issuer_b80110d9";

/// The key of its record in the shared data.
pub(super) const RECORD: &str = "jwt-auth/jwks/b80110d911185e3f";

/// Some workers of one process.
pub(super) struct Site {
    pub(super) process: Process,
    pub(super) workers: Vec<Vm>,
}

impl Site {
    /// Workers that are configured. No timer has fired yet.
    pub(super) fn start(workers: usize, configuration: &str) -> Self {
        let process = Process::default();
        let mut site = Self { process, workers: Vec::new() };
        (0..workers).for_each(|_| site.add_worker(configuration));
        site
    }

    /// Workers that have fetched this set, half a second ago.
    pub(super) fn with_keys(workers: usize, configuration: &str, keys: &Reply) -> Self {
        let mut site = Self::start(workers, configuration);
        site.pass(1);
        site.answer(0, keys);
        site.pass(500);
        site
    }

    pub(super) fn add_worker(&mut self, configuration: &str) {
        let mut worker = MODULE.load(&self.process);
        assert_eq!(worker.start(configuration).unwrap(), ROOT);
        self.workers.push(worker);
    }

    /// Lets time pass, in milliseconds.
    pub(super) fn pass(&mut self, milliseconds: u64) {
        pass(&mut self.workers, Duration::from_millis(milliseconds)).unwrap();
    }

    /// Sends a request without a body. Returns its stream.
    pub(super) fn send(&mut self, worker: usize, token: &str) -> u32 {
        self.send_to(worker, ROOT, token)
    }

    /// Sends a request to another root context of the worker.
    pub(super) fn send_to(&mut self, worker: usize, root: u32, token: &str) -> u32 {
        let worker = &mut self.workers[worker];
        let stream = worker.open(root, Mode::Default).unwrap();
        worker.headers(stream, request(token), true).unwrap();
        stream
    }

    pub(super) fn stream(&self, worker: usize, stream: u32) -> &Stream {
        self.workers[worker].stream(stream)
    }

    /// What came of a request: `waits`, `forwarded as <sub>`, or the code of its rejection.
    pub(super) fn result(&self, worker: usize, stream: u32) -> String {
        let stream = self.stream(worker, stream);
        match (&stream.forwarded, &stream.response) {
            (None, None) if stream.is_waiting() => "waits".to_owned(),
            (Some(forwarded), None) if forwarded.is_complete => {
                format!("forwarded as {}", text(&forwarded.headers, "x-sub"))
            }
            (None, Some(response)) => response.header("x-ca-error-code").expect("a code").to_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// Sends a request and returns what has come of it before anything else happens.
    pub(super) fn ask(&mut self, worker: usize, token: &str) -> String {
        let stream = self.send(worker, token);
        let result = self.result(worker, stream);
        self.close(worker, stream);
        result
    }

    /// The request is over, or its client leaves.
    pub(super) fn close(&mut self, worker: usize, stream: u32) -> Stream {
        self.workers[worker].close(stream).unwrap()
    }

    /// The calls of all workers that are not answered.
    pub(super) fn calls(&self) -> Vec<HttpCall> {
        self.workers.iter().flat_map(|worker| worker.state().http_calls.clone()).collect()
    }

    /// The only call that is not answered.
    pub(super) fn call(&self) -> HttpCall {
        let calls = self.calls();
        let [call] = calls.as_slice() else { panic!("not one call: {calls:?}") };
        call.clone()
    }

    /// Answers the only call of a worker.
    pub(super) fn answer(&mut self, worker: usize, reply: &Reply) {
        let worker = &mut self.workers[worker];
        let [call] = worker.state().http_calls.as_slice() else { panic!("{:?}", worker.state().http_calls) };
        worker.answer(call.token, reply).unwrap();
    }

    /// Lets time pass until a worker has made a call, and returns the worker. Panics if that takes longer.
    pub(super) fn pass_until_call(&mut self, milliseconds: u64) -> usize {
        let is_calling = |worker: &Vm| !worker.state().http_calls.is_empty();
        for _ in 0..milliseconds.div_ceil(100) {
            if let Some(worker) = self.workers.iter().position(is_calling) {
                return worker;
            }
            self.pass(100);
        }
        panic!("no call in {milliseconds} ms");
    }

    /// The lines that the workers have logged since the last call, with their levels: 2 is info, 3 is warn.
    pub(super) fn log(&mut self) -> Vec<(u32, String)> {
        self.workers.iter_mut().flat_map(|worker| std::mem::take(&mut worker.state_mut().log)).collect()
    }

    /// The value of a metric. Panics if it does not exist.
    pub(super) fn metric(&self, name: &str) -> u64 {
        self.process.metric(&format!("jwt_auth.{name}")).unwrap_or_else(|| panic!("no metric {name}"))
    }
}

/// A configuration that fetches keys and hands on `sub`. `fields` are more fields of `remoteJwks`, each after a comma.
pub(super) fn configuration(fields: &str) -> String {
    format!(
        "parameter: X-Token
parameterLocation: header
claimParameters: [{{claimName: sub, parameterName: X-Sub, location: header}}]
remoteJwks: {{uri: 'https://issuer.example/keys', cluster: issuer{fields}}}
"
    )
}

pub(super) fn key() -> SigningKey {
    SigningKey::generate(Algorithm::EdDSA)
}

/// A token of `alice` that is valid for six days.
pub(super) fn token(key: &SigningKey, kid: Option<&str>) -> String {
    token_of("alice", key, kid)
}

pub(super) fn token_of(sub: &str, key: &SigningKey, kid: Option<&str>) -> String {
    key.token(kid, &json!({"sub": sub, "exp": 1_800_518_400}))
}

/// The reply of an issuer with these keys.
pub(super) fn serving(keys: &[(Option<&str>, &SigningKey)]) -> Reply {
    Reply::new(200, jwk_set(keys).to_string()).header("content-type", "application/json")
}

/// The headers of a request that claims to be from `mallory`.
pub(super) fn request(token: &str) -> Headers {
    owned([(":method", "GET"), (":path", "/p"), (":authority", "test"), ("x-token", token), ("x-sub", "mallory")])
}

/// The whole response of a rejection.
pub(super) fn rejection(status: u32, code: &str, message: &str) -> Response {
    let headers = [("x-ca-error-code", code), ("x-ca-error-message", message), ("content-type", "application/json")];
    let body = format!(r#"{{"code":"{code}","message":"{message}"}}"#) + "\n";
    let body = body.into_bytes();
    Response { status, headers: owned(headers), body, grpc_status: -1, answers_before: 1 }
}

/// The first value of a header. Panics if there is none.
pub(super) fn text(headers: &Headers, name: &str) -> String {
    let (_, value) = headers.iter().find(|(other, _)| other == name).expect("a header");
    String::from_utf8(value.clone()).unwrap()
}
