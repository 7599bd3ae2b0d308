//! Workers with the shipped module that ask an engine.

use std::sync::LazyLock;

use kit::engine_model::{Answer, Engine, Kind, Question};
use kit::issuer::{Algorithm, SigningKey};
use serde_json::json;

use crate::host::{HttpCall, Reply};
use crate::key;
use crate::scenarios::setup::{Site, configuration as fetching};

/// Workers of one process, and the engine.
pub(super) struct Trial {
    pub(super) site: Site,
    pub(super) engine: Engine,
    kind: Kind,
}

impl Trial {
    /// Workers whose first tick is over, and an engine without records. `fields` are more fields of `jtiStore`, each
    /// after a comma.
    pub(super) fn start(kind: Kind, workers: usize, fields: &str) -> Self {
        Self::with(kind, workers, &configuration(kind, fields))
    }

    /// Workers with this configuration.
    pub(super) fn with(kind: Kind, workers: usize, configuration: &str) -> Self {
        let mut site = Site::start(workers, configuration);
        site.pass(1);
        site.log();
        Self { site, engine: Engine::new(kind), kind }
    }

    /// The engine does what the call asks, and answers.
    pub(super) fn reply(&mut self, call: &HttpCall) -> Reply {
        let path = call.header(":path").expect("a path").to_owned();
        let now = self.site.process.now().as_millis() as u64;
        let Answer { headers, body, trailers } = self.engine.answer(&path, &call.body, now);
        Reply { headers, body, trailers }
    }

    /// Another process records the key of a call first.
    pub(super) fn use_up(&mut self, call: &HttpCall) {
        let now = self.site.process.now().as_millis() as u64;
        if let Question::Record { key, .. } = Question::read(self.kind, call.header(":path").unwrap(), &call.body) {
            self.engine.insert(&key, b"of another", now + 3_600_000);
        }
    }

    /// The only call of a worker.
    pub(super) fn call(&self, worker: usize) -> HttpCall {
        let [call] = self.site.workers[worker].state().http_calls.as_slice() else { panic!("not one call") };
        call.clone()
    }

    /// What the only call of a worker asks.
    pub(super) fn question(&self, worker: usize) -> Question {
        let call = self.call(worker);
        Question::read(self.kind, call.header(":path").expect("a path"), &call.body)
    }

    /// The engine answers the only call of a worker.
    pub(super) fn answer(&mut self, worker: usize) {
        let reply = self.reply(&self.call(worker));
        self.answer_with(worker, &reply);
    }

    /// The only call of a worker gets this reply. If another one follows, it is made a millisecond later.
    pub(super) fn answer_with(&mut self, worker: usize, reply: &Reply) {
        self.site.answer(worker, reply);
        self.site.pass(1);
    }

    /// The engine answers all calls of a worker, and those that follow. Returns how many there were.
    pub(super) fn serve(&mut self, worker: usize) -> usize {
        let mut count = 0;
        loop {
            let calls = self.site.workers[worker].state().http_calls.clone();
            if calls.is_empty() {
                return count;
            }
            for call in calls {
                let reply = self.reply(&call);
                self.site.workers[worker].answer(call.token, &reply).unwrap();
                count += 1;
            }
            self.site.pass(1);
        }
    }

    /// Sends a request, lets the engine answer, and returns what has come of the request.
    pub(super) fn ask(&mut self, worker: usize, token: &str) -> String {
        let stream = self.site.send(worker, token);
        self.serve(worker);
        let result = self.site.result(worker, stream);
        self.site.close(worker, stream);
        result
    }

    /// Sends a request for which no call is made, and returns what has come of it.
    pub(super) fn ask_without_a_call(&mut self, worker: usize, token: &str) -> String {
        let calls = self.site.calls().len();
        let result = self.site.ask(worker, token);
        assert_eq!(self.site.calls().len(), calls, "the engine is asked");
        result
    }

    /// The next calls of a worker can't be sent.
    pub(super) fn refuse_calls(&mut self, worker: usize, statuses: &[u32]) {
        self.site.workers[worker].state_mut().http_call_statuses.extend(statuses);
    }
}

/// A configuration with a static key that hands on `sub`. `fields` are more fields of `jtiStore`, each after a comma.
pub(super) fn configuration(kind: Kind, fields: &str) -> String {
    let (fetching, key) = (fetching(""), key().private_jwk(None, true));
    let without_keys = fetching.split("remoteJwks").next().expect("the lines before");
    format!("{without_keys}jwk: {key}\n{}", store(kind, fields))
}

/// Like [`configuration`], with keys that are fetched.
pub(super) fn fetching_configuration(kind: Kind, fields: &str) -> String {
    format!("{}{}", fetching(""), store(kind, fields))
}

fn store(kind: Kind, fields: &str) -> String {
    format!("preventJtiReplay: true\njtiStore: {{kind: {}, cluster: jti-store{fields}}}\n", kind.name())
}

/// A key that can be fetched.
pub(super) fn signing_key() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::EdDSA));
    &KEY
}

/// A token like [`token`], signed with [`signing_key`].
pub(super) fn signed_token(jti: &str) -> String {
    signing_key().token(None, &claims(jti))
}

/// A token of `alice` with this `jti`, issued now and valid for ten minutes.
pub(super) fn token(jti: &str) -> String {
    key().token(None, &claims(jti))
}

pub(super) fn claims(jti: &str) -> serde_json::Value {
    json!({"sub": "alice", "iat": 1_800_000_000, "exp": 1_800_000_600, "jti": jti})
}

/// Replies that are no answer, with the reason that is counted.
pub(super) fn non_answers(kind: Kind) -> Vec<(Reply, &'static str)> {
    let right = |answer: Answer| Reply { headers: answer.headers, body: answer.body, trailers: answer.trailers };
    let mut all = vec![
        (Reply::default(), "no_answer"),
        (Reply::new(503, "upstream connect error"), "status"),
        (Reply::new(504, "upstream request timeout"), "status"),
        (Reply::new(200, "<html><body>Welcome to nginx!</body></html>"), "malformed"),
        (Reply::new(200, ""), "malformed"),
        (Reply::new(200, "x".repeat(5_000)), "malformed"),
    ];
    match kind {
        Kind::Etcd => {
            use kit::engine_model::{grpc, grpc_error};
            let too_long = [grpc(b"\x10\x01\x1a\x02\x12\x00").body, vec![0; 5_000]].concat();
            let too_long = Reply { body: too_long, ..right(grpc(b"")) };
            let without_status = Reply { trailers: Vec::new(), ..right(grpc(b"\x10\x01\x1a\x02\x12\x00")) };
            all.extend([
                (right(grpc_error(14, "etcdserver: request timed out")), "engine_error"),
                (right(grpc_error(8, "etcdserver: mvcc: database space exceeded")), "engine_error"),
                (right(grpc(b"")), "malformed"),
                (too_long, "malformed"),
                (without_status, "malformed"),
                (Reply::new(200, r#"{"SET":null}"#), "malformed"),
            ]);
        }
        Kind::Redis => {
            let long = format!("{{\"SET\":null}}{}", " ".repeat(5_000));
            all.extend([
                (
                    Reply::new(200, r#"{"SET":[false,"READONLY You can't write against a read only replica."]}"#),
                    "engine_error",
                ),
                (Reply::new(200, r#"{"SET":[true,"OK"]}"#), "malformed"),
                (Reply::new(200, r#"{"GET":null}"#), "malformed"),
                (Reply::new(200, r#"{"SET":null"#), "malformed"),
                (Reply::new(200, r#"{"SET":null,"SET":null}"#), "malformed"),
                (Reply::new(200, format!("{long}x")), "malformed"),
                (right(kit::engine_model::grpc(b"\x10\x01\x1a\x02\x12\x00")), "malformed"),
            ]);
        }
    }
    all
}
