//! A request that asks: its calls, and what they must look like.

use jwt_auth::{Ask, Call};
use kit::engine_model::{Answer, Kind, Millis, Question};

use super::tokens::Token;

/// The most calls of a request, and the most of them that record. Each of three attempts may grant the lease first, and
/// records again in the same attempt once it is granted.
const MAX_CALLS: usize = 7;
const MAX_RECORDS: usize = 4;

/// A request that waits for an answer.
pub(super) struct Flight {
    pub(super) process: usize,
    pub(super) worker: usize,
    pub(super) token: &'static Token,
    ask: Option<Box<Ask>>,
    /// The last call.
    pub(super) call: Call,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// What the engine has answered to it.
    pub(super) answered: Option<Answered>,
    /// When the question began by the clock of the process, and whether that was set since.
    pub(super) asked_at: Millis,
    pub(super) has_other_clock: bool,
    /// When the first call and the last one were sent, by the clock of the world.
    began_at: Millis,
    sent_at: Millis,
    /// The first call.
    first: Call,
    calls: usize,
    records: usize,
}

/// What the engine has answered.
#[derive(Clone)]
pub(super) struct Answered {
    pub(super) answer: Answer,
    /// Whether the request has won; `None` if that is not decided.
    pub(super) has_won: Option<bool>,
}

impl Flight {
    /// A request that is about to send its first call, at the time `asked_at` of its process.
    pub(super) fn begin(
        place: (usize, usize),
        token: &'static Token,
        ask: Box<Ask>,
        kind: Kind,
        asked_at: Millis,
        now: Millis,
    ) -> Self {
        let Question::Record { key, value, .. } = read(kind, &ask.call) else { panic!("it begins with a lease") };
        assert!(value.len() == 32 && value.iter().all(u8::is_ascii_hexdigit), "{value:?}");
        assert_eq!(key.len(), PREFIX.len() + 32, "{key:?}");
        assert!(key.starts_with(PREFIX.as_bytes()), "{key:?}");
        let (process, worker) = place;
        Self {
            process,
            worker,
            token,
            call: ask.call.clone(),
            first: ask.call.clone(),
            ask: Some(ask),
            key,
            value,
            answered: None,
            asked_at,
            has_other_clock: false,
            began_at: now,
            sent_at: now,
            calls: 0,
            records: 0,
        }
    }

    /// The question, for the reply.
    pub(super) fn take(&mut self) -> Box<Ask> {
        self.ask.take().expect("a question")
    }

    /// Takes the next question.
    pub(super) fn go_on(&mut self, ask: Box<Ask>) {
        self.call = ask.call.clone();
        self.ask = Some(ask);
    }

    /// Notes that its call is sent, and checks the call.
    pub(super) fn send(&mut self, kind: Kind, now: Millis, limit: Millis) {
        let call = &self.call;
        (self.answered, self.sent_at) = (None, now);
        self.calls += 1;
        if let Question::Record { .. } = read(kind, call) {
            self.records += 1;
            assert_eq!((&call.headers, &call.body), (&self.first.headers, &self.first.body));
        }
        assert!(self.calls <= MAX_CALLS && self.records <= MAX_RECORDS, "call {}", self.calls);
        assert_eq!((call.cluster.as_str(), call.header(":authority")), (CLUSTER, Some(CLUSTER)));
        let timeout = call.timeout.as_millis() as Millis;
        assert!((1..=limit).contains(&timeout), "{timeout} ms");
        let end = self.sent_at - self.began_at + timeout;
        assert!(self.has_other_clock || end <= limit, "an answer after {end} ms of {limit} ms");
    }

    /// When its call ends without an answer.
    pub(super) fn ends_at(&self) -> Millis {
        self.sent_at + self.call.timeout.as_millis() as Millis
    }
}

/// The prefix of the keys.
pub(super) const PREFIX: &str = "a b/%2F.txt/";

/// The cluster of the engine.
pub(super) const CLUSTER: &str = "engine";

/// What a call asks.
pub(super) fn read(kind: Kind, call: &Call) -> Question {
    assert_eq!(call.header(":method"), Some("POST"));
    Question::read(kind, call.header(":path").expect("a path"), &call.body)
}
