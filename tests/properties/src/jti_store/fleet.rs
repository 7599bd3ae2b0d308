//! Several processes, the engine that they ask, and the steps.

use std::cell::Cell;

use jwt_auth::{Call, Decision, EngineEvents, Host, Request};
use kit::engine_model::{Answer, Engine, Millis, Question};

use super::checks::{Acceptance, History, KEPT};
use super::flight::{Answered, Flight, read};
use super::process::{Process, Setting, WORKERS, date};
use super::replies::Arrival;
use super::tokens::{TOKENS, Token};
use crate::world::{Input, NOW};

/// How many configurations there are.
pub(super) const CASES: usize = 8;

const PROCESSES: usize = 3;

/// By how many seconds a clock can be ahead.
const CLOCKS: [u64; 5] = [0, 60, 1, 30, 59];

/// How much time can pass at once, in milliseconds.
const TIMES: [Millis; 10] = [1, 40, 130, 250, 1_000, 5_000, 29_900, 60_000, 300_000, 1_000_000];

/// How many old calls can take effect.
const OLD_CALLS: usize = 10;

thread_local! {
    /// How many times random bytes were asked for, and whether there are none the next time.
    static RANDOM: Cell<(u64, bool)> = const { Cell::new((0, false)) };
}

/// All processes and the engine.
pub(super) struct Fleet {
    setting: Setting,
    engine: Engine,
    /// The time of the world, which is the engine's.
    now: Millis,
    processes: Vec<Process>,
    flights: Vec<Flight>,
    old_calls: Vec<Call>,
    history: History,
}

impl Fleet {
    pub(super) fn new(case: usize) -> Self {
        RANDOM.set((0, false));
        let (setting, now) = (Setting::number(case), Millis::from(NOW) * 1000);
        let processes = [0, 60, 30].map(|ahead| Process::new(setting, 0, ahead, now)).into();
        let (engine, history) = (Engine::new(setting.kind), History::default());
        Self { setting, engine, now, processes, flights: Vec::new(), old_calls: Vec::new(), history }
    }

    pub(super) fn step(&mut self, step: u8, input: &mut Input) {
        match step {
            b'r' => {
                let place = (input.choice(PROCESSES), input.choice(WORKERS));
                self.request(place, Token::number(input.choice(TOKENS - 1)));
            }
            b'e' => {
                if let Some(number) = self.choose(input) {
                    self.execute(number);
                }
            }
            b'a' => {
                if let Some(number) = self.choose(input) {
                    self.answer(number);
                }
            }
            b'l' => {
                let number = self.choose(input);
                let loss = Arrival::loss(self.setting.kind, input.choice(Arrival::LOSSES));
                number.into_iter().for_each(|number| self.arrive(number, &loss, false));
            }
            b'd' => {
                let number = self.choose(input);
                let (way, at) = (input.choice(Arrival::DAMAGES), input.choice(75));
                let Some(number) = number else { return };
                self.execute(number);
                let damaged = Arrival::damaged(&self.answer_of(number), way, at);
                self.arrive(number, &damaged, false);
            }
            b'z' if !self.old_calls.is_empty() => {
                let call = self.old_calls[input.choice(self.old_calls.len())].clone();
                self.perform(&call);
            }
            b't' => self.pass_until(self.now + TIMES[input.choice(TIMES.len())]),
            b's' => self.now += TIMES[input.choice(TIMES.len())],
            b'u' => {
                let (process, token) = (input.choice(PROCESSES), Token::number(input.choice(TOKENS - 1)));
                let end = token.expires + self.setting.clock_skew - self.processes[process].ahead;
                self.pass_until((end * 1000).saturating_sub(1));
            }
            b'c' => self.set_clock(input.choice(PROCESSES), CLOCKS[input.choice(CLOCKS.len())]),
            b'n' => {
                let number = input.choice(PROCESSES);
                self.flights.retain(|flight| flight.process != number);
                let Process { replaced, ahead, .. } = self.processes[number];
                self.processes[number] = Process::new(self.setting, replaced + 1, ahead, self.now);
            }
            b'w' => {
                let place = (input.choice(PROCESSES), input.choice(WORKERS));
                self.flights.retain(|flight| (flight.process, flight.worker) != place);
                self.processes[place.0].workers[place.1] = self.setting.plugin();
            }
            b'f' => RANDOM.set((RANDOM.get().0, true)),
            _ => {}
        }
    }

    /// All requests get their answers. Then the engine works, so a new token is accepted once.
    pub(super) fn recover(&mut self) {
        self.serve();
        RANDOM.set((RANDOM.get().0, false));
        let new = Token::number(TOKENS - 1);
        let before = self.history.count(new);
        for place in (0..PROCESSES).flat_map(|process| (0..WORKERS).map(move |worker| (process, worker))) {
            self.request(place, new);
            self.serve();
        }
        assert_eq!((before, self.history.count(new)), (0, 1), "a new token is not accepted, or twice");
    }

    fn serve(&mut self) {
        while !self.flights.is_empty() {
            self.answer(0);
        }
    }

    fn choose(&self, input: &mut Input) -> Option<usize> {
        let count = self.flights.len();
        (count > 0).then(|| input.choice(count))
    }

    /// Lets time pass. Calls without an answer end in time.
    fn pass_until(&mut self, end: Millis) {
        while let Some((at, number)) = self.flights.iter().enumerate().map(|(i, flight)| (flight.ends_at(), i)).min()
            && at <= end
        {
            self.now = self.now.max(at);
            self.arrive(number, &Arrival::timeout(), false);
        }
        self.now = self.now.max(end);
    }

    fn set_clock(&mut self, number: usize, ahead: u64) {
        self.processes[number].ahead = ahead;
        for flight in self.flights.iter_mut().filter(|flight| flight.process == number) {
            flight.has_other_clock = true;
        }
    }

    /// A worker gets a request.
    fn request(&mut self, place: (usize, usize), token: &'static Token) {
        let process = &mut self.processes[place.0];
        let clock = process.clock(self.now);
        let headers = [("t", token.text.as_bytes())];
        let host = Host { shared_data: &process.memory, signatures: None, random };
        let has_random = !RANDOM.get().1;
        let plugin = &process.workers[place.1];
        let decision = plugin.decide(Request::new(&headers), date(clock), host);
        let events = plugin.take_engine_events().pop().expect("an engine");
        let is_expired = clock >= (token.expires + self.setting.clock_skew) * 1000;
        let code = code_of(&decision);
        let is_refused = token.code.is_some() || is_expired || process.knows(token);
        if is_refused {
            let expected = match token.code {
                _ if token.code.is_some() && code == token.code => token.code,
                _ if is_expired => Some("A403JE"),
                Some(code) => Some(code),
                None => Some("S403JU"),
            };
            assert_eq!(code, expected, "{token:?}");
            assert_eq!(events, EngineEvents::default(), "a request that is rejected anyway asks");
            return;
        }
        if code == Some("S403JU") && events == EngineEvents::default() {
            assert!(process.may_know(token), "{token:?}");
            return;
        }
        assert_eq!(events.asked, 1);
        if has_random {
            let Decision::Ask(ask) = decision else { panic!("{decision:?}") };
            assert_eq!((events.calls, events.failed.len(), events.decided_alone), (1, 0, 0));
            let flight = Flight::begin(place, token, ask, self.setting.kind, clock, self.now);
            self.history.begin(&flight);
            self.send(flight);
        } else {
            assert_eq!((events.calls, &events.failed), (0, &[("no_answer", 1)].into()));
            self.check_failure(place, token, clock, &decision, &events);
        }
    }

    fn send(&mut self, mut flight: Flight) {
        flight.send(self.setting.kind, self.now, self.setting.timeout);
        if self.old_calls.len() == OLD_CALLS {
            self.old_calls.remove(0);
        }
        self.old_calls.push(flight.call.clone());
        self.flights.push(flight);
    }

    /// The engine does what the call of a flight asks, unless it has done so.
    fn execute(&mut self, number: usize) {
        if self.flights[number].answered.is_none() {
            let call = self.flights[number].call.clone();
            self.flights[number].answered = Some(self.perform(&call));
        }
    }

    fn perform(&mut self, call: &Call) -> Answered {
        let answer = self.engine.answer(call.header(":path").expect("a path"), &call.body, self.now);
        let has_won = match read(self.setting.kind, call) {
            Question::Record { key, value, .. } => self.engine.value(&key, self.now).map(|found| {
                self.history.confirm(&key, found);
                found == value
            }),
            Question::Grant { .. } => None,
        };
        Answered { answer, has_won }
    }

    /// What the engine has answered to a flight.
    fn answer_of(&self, number: usize) -> Answer {
        self.flights[number].answered.clone().expect("an answer").answer
    }

    fn answer(&mut self, number: usize) {
        self.execute(number);
        let answer = Arrival::Answer(self.answer_of(number));
        self.arrive(number, &answer, true);
    }

    /// Something arrives for a flight: the answer of the engine, if it `is_whole`.
    fn arrive(&mut self, number: usize, arrival: &Arrival, is_whole: bool) {
        let mut flight = self.flights.remove(number);
        let process = &mut self.processes[flight.process];
        let clock = process.clock(self.now);
        let (plugin, ask) = (&process.workers[flight.worker], flight.take());
        let host = Host { shared_data: &process.memory, signatures: None, random };
        let decision = arrival.give(|reply| plugin.answer(*ask, reply, date(clock), host));
        let events = plugin.take_engine_events().pop().expect("an engine");
        let is_next = matches!(decision, Decision::Ask(_));
        assert_eq!((events.asked, events.calls), (0, u32::from(is_next)));
        let code = code_of(&decision);
        // No filter accepts the token any more.
        let is_over = clock >= (flight.token.expires + KEPT) * 1000;
        assert!(code != Some("A403JE") || is_over, "{decision:?}");
        if let (true, Some(has_won)) = (is_whole, flight.answered.as_ref().and_then(|answered| answered.has_won)) {
            let knows = process.may_know(flight.token);
            let is_right = match code {
                Some("S403JU") => knows || !has_won,
                Some("A403JE") => has_won && is_over,
                _ => code == Some("OK") && has_won,
            };
            assert!(is_right, "{decision:?}, but the request has won: {has_won}");
        }
        if !events.failed.is_empty() {
            assert!(!is_next);
            let place = (flight.process, flight.worker);
            return self.check_failure(place, flight.token, flight.asked_at, &decision, &events);
        }
        assert_eq!(events.decided_alone, 0);
        match decision {
            Decision::Ask(ask) => {
                flight.go_on(ask);
                self.send(flight);
            }
            Decision::Forward(_) => self.accept(flight.process, flight.token, Some(&flight)),
            Decision::Reject(_) if code == Some("A403JE") => {}
            Decision::Reject(_) => {
                assert_eq!(code, Some("S403JU"));
                process.learn(flight.token);
            }
            Decision::Respond(_) | Decision::Wait(_) => panic!("{decision:?}"),
        }
    }

    /// Checks a decision without the engine, on a question that began at the time `asked_at` of the process.
    fn check_failure(
        &mut self,
        (number, _): (usize, usize),
        token: &'static Token,
        asked_at: Millis,
        decision: &Decision,
        events: &EngineEvents,
    ) {
        let setting = self.setting;
        assert_eq!(events.failed.values().sum::<u32>(), 1);
        assert_eq!(events.decided_alone, u32::from(setting.falls_back));
        let process = &self.processes[number];
        let latest_issue = asked_at + setting.clock_skew * 1000;
        let is_covered =
            token.issued.map(|at| at * 1000).is_some_and(|at| at > process.started_at && at <= latest_issue);
        match code_of(decision) {
            Some("S503JS") => assert!(!setting.falls_back),
            _ if !setting.falls_back => panic!("{decision:?}"),
            Some("A403JT") => assert!(setting.refuses_cold() && !is_covered),
            _ if setting.refuses_cold() && !is_covered => panic!("{decision:?}"),
            Some("S403JU") => assert!(process.may_know(token)),
            // It has expired meanwhile.
            Some("A403JE") => {}
            Some("OK") => {
                assert!(!process.knows(token));
                self.accept(number, token, None);
            }
            other => panic!("{other:?}"),
        }
    }

    fn accept(&mut self, number: usize, token: &'static Token, flight: Option<&Flight>) {
        let process = &mut self.processes[number];
        let clock = process.clock(self.now);
        let (is_alone, was_set_back) = (flight.is_none(), process.latest > clock);
        let process_id = (number, process.replaced);
        process.learn(token);
        self.history.accept(Acceptance { token, process: process_id, is_alone, clock, was_set_back }, flight);
    }
}

/// The code of a rejection, `OK` for a request that is forwarded, and `None` for one that asks.
fn code_of(decision: &Decision) -> Option<&'static str> {
    match decision {
        Decision::Forward(_) => Some("OK"),
        Decision::Reject(rejection) => Some(rejection.code()),
        Decision::Respond(_) | Decision::Wait(_) | Decision::Ask(_) => None,
    }
}

/// Bytes that differ each time.
fn random() -> Option<[u8; 16]> {
    let (count, is_missing) = RANDOM.get();
    RANDOM.set((count + 1, false));
    let bytes = (u128::from(count) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    (!is_missing).then(|| bytes.to_be_bytes())
}
