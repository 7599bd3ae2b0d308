//! A process with workers that fetch keys, and what is checked at each of its steps.

use jwt_auth::{Decision, Host, NumericDate, Request, Wait};
use kit::host::Memory;

use super::issuer::{GOOD_SETS, Issuer, KEYS_PATH, Kind, Scripted};
use super::model::{Millis, Model, check_events};
use super::shared::Shared;
use super::worker::{Worker, has_issuer, is_elsewhere, issuers, path_of, set_of, times};
use crate::world::{Input, NOW};

/// How many workers a process has.
const WORKERS: usize = 3;

/// Steps of time in milliseconds.
const STEPS: [Millis; 10] = [0, 125, 500, 1_000, 2_000, 5_000, 30_000, 60_000, 600_000, 86_400_000];

/// Values of `max-age`.
const MAX_AGES: [u64; 4] = [0, 59, 61, u64::MAX];

/// The workers of a process.
pub(super) struct Process {
    case: usize,
    is_damaged: bool,
    now: Millis,
    shared: Shared,
    workers: Vec<Worker>,
    /// How many workers there have been.
    started: usize,
    models: Vec<Model>,
    /// Which keys of each issuer any good answer gave.
    given: [Vec<usize>; 2],
}

impl Process {
    pub(super) fn new(case: usize, is_damaged: bool) -> Self {
        let mut process = Self {
            case,
            is_damaged,
            now: Millis::from(NOW) * 1000,
            shared: Shared::default(),
            workers: Vec::new(),
            started: 0,
            models: (0..issuers(case)).map(|_| Model::new(times(case))).collect(),
            given: [Vec::new(), Vec::new()],
        };
        for worker in 0..WORKERS {
            let new = process.start(worker);
            process.workers.push(new);
        }
        process
    }

    /// A new worker. One of them is of another listener, with a longer `timeoutSeconds`.
    fn start(&mut self, worker: usize) -> Worker {
        self.started += 1;
        Worker::new(self.started, self.case, if worker == 2 { 60 } else { 5 })
    }

    /// Runs a step. An unknown letter is none.
    pub(super) fn step(&mut self, letter: u8, input: &mut Input) {
        match letter {
            b't' => self.now += STEPS[input.choice(STEPS.len())],
            b'b' if self.is_damaged => self.now -= STEPS[input.choice(STEPS.len())],
            b'd' if self.is_damaged => self.shared.damage(input, self.now),
            b'p' | b'g' | b'm' | b'f' | b'o' | b'q' | b'r' | b'e' | b'x' => {
                let worker = input.choice(WORKERS);
                self.step_of(worker, letter, input);
            }
            _ => {}
        }
    }

    fn step_of(&mut self, worker: usize, letter: u8, input: &mut Input) {
        match letter {
            b'p' => self.poll(worker),
            b'g' => self.answer_well(worker, input.choice(GOOD_SETS.len()), None),
            b'm' => {
                let set = input.choice(GOOD_SETS.len());
                self.answer_well(worker, set, Some(MAX_AGES[input.choice(MAX_AGES.len())]));
            }
            b'f' => {
                let number = input.choice(Issuer::FAILURES);
                if let Some(call) = self.workers[worker].open.first() {
                    let reply = Issuer::number(set_of(call, self.case)).failure(number);
                    let may_go_on = reply.is_not_found() && path_of(call).ends_with("/openid-configuration");
                    self.answer(worker, &reply, may_go_on, None);
                }
            }
            b'o' => self.answer_again(worker, input.choice(10)),
            b'q' => {
                let open = &mut self.workers[worker].open;
                let one = usize::from(!open.is_empty());
                open.rotate_left(one);
            }
            b'e' => self.end(worker),
            b'x' => self.workers[worker] = self.start(worker),
            _ => {
                let kind = Kind::ALL[input.choice(Kind::ALL.len())];
                self.decide(worker, kind, input.choice(issuers(self.case)), input.choice(4));
            }
        }
    }

    /// Lets every fetch end well. Then all workers use the same keys, whatever happened before.
    pub(super) fn recover(&mut self) {
        self.shared.heal();
        for _ in 0..3 {
            self.now += 150_000;
            for worker in 0..WORKERS {
                self.poll(worker);
                while !self.workers[worker].open.is_empty() {
                    self.answer_well(worker, 4, None);
                }
            }
        }
        (0..WORKERS).for_each(|worker| self.poll(worker));
        let gauges = |worker: &Worker| worker.keys().gauges(self.date());
        let first = gauges(&self.workers[0]);
        assert!(first.iter().all(|set| set.keys > 0), "no keys although fetching works: {first:?}");
        assert!(self.workers.iter().all(|worker| gauges(worker) == first), "workers use different keys");
    }

    fn date(&self) -> NumericDate {
        NumericDate::from_unix_seconds(self.now as f64 / 1000.0)
    }

    fn poll(&mut self, number: usize) {
        let (now, date, is_damaged, case) = (self.now, self.date(), self.is_damaged, self.case);
        let worker = &mut self.workers[number];
        let calls = worker.keys().poll(date, &self.shared);
        let mut expected = Vec::new();
        let waits_since = worker.waits_since.take();
        for (set, model) in self.models.iter_mut().enumerate() {
            let of_set: Vec<_> = calls.iter().filter(|call| set_of(call, case) == set).collect();
            assert!(of_set.len() <= 1, "two calls of a set: {of_set:?}");
            let known = &mut worker.sets[set];
            let is_wanted = std::mem::take(&mut known.is_wanted);
            if is_damaged {
                continue;
            }
            if model.loses(worker.id, now) {
                expected.push((false, model.is_failing()));
                model.end(None, now);
            }
            (known.good, known.is_current) = (model.good.len(), true);
            let timeout = worker.timeout;
            match of_set.first() {
                Some(call) => {
                    assert_eq!(call.call.timeout.as_millis(), u128::from(timeout));
                    model.begin(worker.id, call.id, now, timeout, is_wanted);
                }
                None => model.check_idle(now),
            }
        }
        if !is_damaged {
            let gauges: Vec<_> = worker.keys().gauges(date).iter().map(|set| (set.age_seconds, set.keys)).collect();
            assert_eq!(gauges, self.models.iter().map(|model| model.gauge(now)).collect::<Vec<_>>());
            let has_fetch = self.models.iter().any(|model| model.is_under_way(now));
            let has_news = waits_since.is_some_and(|news| news != worker.keys().news());
            assert!(waits_since.is_none() || has_fetch || has_news, "a request waits for nothing");
            check_events(&worker.keys().take_events(), &expected);
        }
        worker.open.extend(calls.iter().cloned());
        for call in &calls {
            self.others_are_behind(number, set_of(call, case));
        }
        // A worker that lost its fetch wrote that.
        if !expected.is_empty() {
            (0..self.models.len()).for_each(|set| self.others_are_behind(number, set));
        }
    }

    /// Ends the configuration of a worker, in order. Another one takes its place.
    fn end(&mut self, number: usize) {
        let worker = &self.workers[number];
        worker.keys().abandon(&self.shared);
        self.models.iter_mut().for_each(|model| model.abandon(worker.id));
        self.workers[number] = self.start(number);
        (0..self.models.len()).for_each(|set| self.others_are_behind(number, set));
    }

    fn others_are_behind(&mut self, number: usize, set: usize) {
        for (other, worker) in self.workers.iter_mut().enumerate() {
            worker.sets[set].is_current &= other == number;
        }
    }

    fn answer_well(&mut self, worker: usize, set: usize, max_age: Option<u64>) {
        let Some(call) = self.workers[worker].open.first() else { return };
        let issuer = set_of(call, self.case);
        let mut reply = Issuer::number(issuer).answer(&call.call, is_elsewhere(self.case, issuer), set);
        reply.cache_control = max_age.map(|seconds| format!("public, max-age={seconds}"));
        let good = (path_of(call) == KEYS_PATH).then_some((set, max_age));
        self.answer(worker, &reply, good.is_none(), good);
    }

    /// Answers the oldest call. `may_go_on` is whether the fetch may need another call, and `good` the set in the answer
    /// and its `max-age`.
    fn answer(&mut self, number: usize, reply: &Scripted, may_go_on: bool, good: Option<(usize, Option<u64>)>) {
        let (now, date) = (self.now, self.date());
        let worker = &mut self.workers[number];
        let call = worker.open.remove(0);
        worker.answered.push(call.clone());
        let set = set_of(&call, self.case);
        self.given[set].extend(good.into_iter().flat_map(|(set, _)| GOOD_SETS[set]));
        let next = reply.give(|reply| worker.keys().answer(call.id, reply, date, &self.shared));
        assert!(may_go_on || next.is_none(), "a fetch goes on after a bad answer: {next:?}");
        worker.open.extend(next.clone());
        if self.is_damaged {
            return;
        }
        let model = &mut self.models[set];
        let mut expected = Vec::new();
        if !model.is_current(worker.id, call.id) {
            assert_eq!(next, None, "a fetch goes on that another worker took over");
        } else if let Some(next) = next {
            assert_eq!(set_of(&next, self.case), set);
            model.go_on(next.id, next.call.timeout.as_millis() as u64, now);
        } else {
            expected.push((good.is_some(), model.is_failing()));
            model.end(good, now);
            worker.sets[set].good = model.good.len();
            worker.sets[set].is_current = true;
        }
        check_events(&worker.keys().take_events(), &expected);
        if !expected.is_empty() {
            self.others_are_behind(number, set);
        }
    }

    /// Answers a call that was answered before, which changes nothing.
    fn answer_again(&mut self, number: usize, back: usize) {
        let worker = &self.workers[number];
        let Some(call) = worker.answered.iter().rev().nth(back) else { return };
        if worker.open.iter().any(|open| open.id == call.id) {
            // Fetches are counted anew after a record was damaged. The host tells their calls apart.
            return;
        }
        let reply = Issuer::number(set_of(call, self.case)).answer(&call.call, false, 4);
        let state = || (worker.keys().news(), worker.keys().gauges(self.date()));
        let before = state();
        assert_eq!(reply.give(|reply| worker.keys().answer(call.id, reply, self.date(), &self.shared)), None);
        assert_eq!(state(), before, "a second answer to a call");
    }

    fn decide(&mut self, number: usize, kind: Kind, issuer: usize, key: usize) {
        let (now, date) = (self.now, self.date());
        let worker = &mut self.workers[number];
        let token = Issuer::number(issuer).token(kind, key);
        let headers = [("t", token.as_bytes())];
        let host = Host { shared_data: &Memory::default(), signatures: None, random: || None };
        let decision = worker.plugin.decide(Request::new(&headers), date, host);
        let again = worker.plugin.decide(Request::new(&headers), date, host);
        assert_eq!(again, decision, "the token cache, which has the token now, changes the decision");
        let is_own = kind == Kind::Named || kind == Kind::OfOther && !has_issuer(self.case);
        let passes = matches!(decision, Decision::Forward(_));
        assert!(!passes || is_own && self.given[issuer].contains(&key), "a token of a key that nobody gave");
        if let Decision::Wait(Wait { until, is_for_unknown_kid, otherwise }) = &decision {
            let latest = NumericDate::from_unix_seconds((now + worker.timeout) as f64 / 1000.0);
            assert!(*until <= latest, "a request waits longer than timeoutSeconds");
            assert_eq!(otherwise.code(), if *is_for_unknown_kid { "A403JK" } else { "S503JW" });
            assert_ne!(kind, Kind::Confused, "no fetched key could verify the token");
            assert!(!is_for_unknown_kid || kind != Kind::Nameless, "a token without kid causes a fetch");
            if *is_for_unknown_kid {
                worker.waits_since = Some(worker.keys().news());
                for (set, model) in worker.sets.iter_mut().zip(&self.models) {
                    let joins_fetch = set.is_current && model.is_under_way(now);
                    set.is_wanted |= !joins_fetch;
                }
            }
        }
        if !self.is_damaged {
            self.check_decision(&decision, number, is_own.then_some((issuer, key)), kind);
        }
    }

    /// Checks the decision on a token of the issuer and key `own`, or another token.
    fn check_decision(&self, decision: &Decision, number: usize, own: Option<(usize, usize)>, kind: Kind) {
        let (now, worker) = (self.now, &self.workers[number]);
        let passes = matches!(decision, Decision::Forward(_));
        if let Some((issuer, key)) = own {
            let (model, known) = (&self.models[issuer], worker.sets[issuer].good);
            let heard = model.good.iter().skip(known.saturating_sub(1));
            assert!(!passes || heard.clone().any(|good| good.has(key) && good.is_fresh(now)), "a removed or old key");
            let is_latest = known == model.good.len();
            let has_key = model.latest(now).is_some_and(|good| good.has(key));
            assert!(passes || !(is_latest && has_key), "a valid set is not in use: {decision:?}");
        }
        let code = match decision {
            Decision::Forward(_) => return,
            Decision::Reject(rejection) => rejection.code(),
            Decision::Wait(_) => "wait",
            Decision::Respond(_) | Decision::Ask(_) => panic!("neither is configured"),
        };
        if !worker.sets.iter().all(|set| set.is_current) || kind == Kind::Confused {
            return;
        }
        let missing: Vec<_> = self.models.iter().filter(|model| model.latest(now).is_none()).collect();
        if !missing.is_empty() {
            let limit = now + worker.timeout;
            let must = missing.iter().any(|model| model.is_under_way(now) || model.due().1 <= limit);
            let may = missing.iter().any(|model| model.is_under_way(now) || model.due().0 <= limit);
            assert!(code == if must || may && code == "wait" { "wait" } else { "S503JW" }, "{code}, {must}, {may}");
        } else if kind == Kind::Invented {
            let may = self.models.iter().any(|model| model.is_under_way(now) || !model.is_cooling_down(now));
            assert!(code == if may && code == "wait" { "wait" } else { "A403JK" }, "{code}, {may}");
        } else if kind == Kind::Nameless {
            assert_eq!(code, "A403JK");
        }
    }
}
