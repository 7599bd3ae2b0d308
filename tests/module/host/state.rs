//! The state of the host for one VM.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{BAD_ARGUMENT, HttpCall, NOT_FOUND, OK, Process, Reply, Stream};

/// What a VM reads and changes by its calls.
pub(crate) struct State {
    pub(crate) process: Process,
    pub(crate) roots: BTreeMap<u32, Root>,
    pub(crate) streams: BTreeMap<u32, Stream>,
    /// Each line with its level: 0 is trace, 4 is error.
    pub(crate) log: Vec<(u32, String)>,
    /// The calls of the module since the test last cleared them.
    pub(crate) calls: Vec<HostCall>,
    /// The index in `calls` of the call that fails, and its status.
    pub(crate) fail_at: Option<(usize, u32)>,
    /// The HTTP calls that the host accepted and the test has not answered yet.
    pub(crate) http_calls: Vec<HttpCall>,
    /// The statuses of the next HTTP calls. Those after them are accepted.
    pub(crate) http_call_statuses: VecDeque<u32>,
    /// What the module did that Envoy does not forgive.
    pub(super) violations: Vec<String>,
    /// The streams that go on when the running callback has returned.
    pub(super) resumed: VecDeque<u32>,
    /// The context whose callback is running, or was the last to run.
    pub(super) current: u32,
    /// The context that the calls of the module act on, if it is not `current`.
    pub(super) effective: u32,
    /// The export that is running, or was the last to run.
    pub(super) callback: &'static str,
    /// Whether the module has made no call in it yet.
    pub(super) is_callback_new: bool,
    /// By the identifier that the module knows.
    metrics: BTreeMap<u32, String>,
    contexts: u32,
    tokens: u32,
}

/// A call of the module to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostCall {
    pub(crate) name: String,
    /// The callback in which the module made it.
    pub(crate) callback: &'static str,
    /// Whether it is the first one there.
    pub(crate) is_first: bool,
}

/// A root context.
#[derive(Default)]
pub(crate) struct Root {
    pub(crate) configuration: Vec<u8>,
    /// Zero, if the timer does not run.
    pub(crate) tick_period: Duration,
    /// When the timer fires next.
    pub(crate) next_tick: Option<Duration>,
    /// Whether `on_configure` runs. Only then the configuration can be read.
    pub(super) is_configuring: bool,
    /// The answer of a call, while its callback runs.
    pub(super) reply: Option<Reply>,
}

/// The identifier of a metric has its kind in the last two bits.
const KIND_BITS: u32 = 2;
const COUNTER: u32 = 0;
const GAUGE: u32 = 1;

impl State {
    pub(super) fn new(process: &Process) -> Self {
        Self {
            process: process.clone(),
            roots: BTreeMap::new(),
            streams: BTreeMap::new(),
            log: Vec::new(),
            calls: Vec::new(),
            fail_at: None,
            http_calls: Vec::new(),
            http_call_statuses: VecDeque::new(),
            violations: Vec::new(),
            resumed: VecDeque::new(),
            current: 0,
            effective: 0,
            callback: "",
            is_callback_new: true,
            metrics: BTreeMap::new(),
            contexts: 0,
            tokens: 0,
        }
    }

    /// Records a call of the module. Returns the status that it must fail with, if any.
    pub(super) fn record_call(&mut self, name: &str) -> Option<u32> {
        let index = self.calls.len();
        let is_first = std::mem::take(&mut self.is_callback_new);
        self.calls.push(HostCall { name: name.to_owned(), callback: self.callback, is_first });
        self.fail_at.and_then(|(failing, status)| (failing == index).then_some(status))
    }

    pub(super) fn new_context(&mut self) -> u32 {
        self.contexts += 1;
        self.contexts
    }

    /// The context that a call acts on. If the effective one is gone, Envoy falls back to that of the callback.
    pub(super) fn target(&self) -> u32 {
        let exists = self.roots.contains_key(&self.effective) || self.streams.contains_key(&self.effective);
        if exists { self.effective } else { self.current }
    }

    pub(super) fn set_effective_context(&mut self, context: u32) -> u32 {
        if context != 0 && !self.roots.contains_key(&context) && !self.streams.contains_key(&context) {
            return BAD_ARGUMENT;
        }
        self.effective = context;
        OK
    }

    /// The stream that a call acts on.
    pub(super) fn stream(&mut self) -> Option<&mut Stream> {
        let target = self.target();
        self.streams.get_mut(&target)
    }

    /// The root context that a call acts on, or that of its stream.
    pub(super) fn root(&self) -> u32 {
        let target = self.target();
        self.streams.get(&target).map_or(target, |stream| stream.root)
    }

    pub(super) fn set_tick_period(&mut self, period: Duration) {
        let (root, now) = (self.root(), self.process.now());
        let root = self.roots.get_mut(&root).expect("a root context");
        root.tick_period = period;
        // Envoy starts a new timer, even if the period is the same as before.
        root.next_tick = (!period.is_zero()).then(|| now + period);
    }

    /// Accepts or refuses an HTTP call. Returns its token, or the status.
    pub(super) fn http_call(&mut self, call: HttpCall) -> Result<u32, u32> {
        let status = self.http_call_statuses.pop_front().unwrap_or(OK);
        if status != OK {
            return Err(status);
        }
        if [":method", ":path", ":authority"].iter().any(|name| call.header(name).is_none()) {
            return Err(BAD_ARGUMENT);
        }
        self.tokens += 1;
        let (root, at) = (self.root(), self.process.now());
        self.http_calls.push(HttpCall { token: self.tokens, root, at, ..call });
        Ok(self.tokens)
    }

    pub(super) fn define_metric(&mut self, kind: u32, name: String) -> Result<u32, u32> {
        if kind > 2 {
            return Err(BAD_ARGUMENT);
        }
        let id = ((self.metrics.len() as u32 + 1) << KIND_BITS) | kind;
        self.process.define_metric(&name);
        self.metrics.insert(id, name);
        Ok(id)
    }

    pub(super) fn increment_metric(&self, id: u32, amount: i64) -> u32 {
        match (self.metrics.get(&id), kind_of(id)) {
            (None, _) => return NOT_FOUND,
            (Some(name), COUNTER) if amount > 0 => self.process.change_metric(name, |value| value + amount as u64),
            (Some(name), GAUGE) => self.process.change_metric(name, |value| value.saturating_add_signed(amount)),
            _ => return BAD_ARGUMENT,
        }
        OK
    }

    pub(super) fn record_metric(&self, id: u32, value: u64) -> u32 {
        let Some(name) = self.metrics.get(&id) else { return NOT_FOUND };
        let is_counter = kind_of(id) == COUNTER;
        self.process.change_metric(name, |before| if is_counter { before + value } else { value });
        OK
    }

    pub(super) fn metric(&self, id: u32) -> Option<u64> {
        self.process.metric(self.metrics.get(&id)?)
    }
}

fn kind_of(id: u32) -> u32 {
    id & ((1 << KIND_BITS) - 1)
}
