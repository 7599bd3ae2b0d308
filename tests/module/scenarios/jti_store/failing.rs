//! Each host call fails once with each status, from the start of the VM until a request that asked is answered. Then the
//! request is rejected or decided as without the failure, is never left waiting, and its token is never accepted twice.

use std::time::Duration;

use kit::engine_model::{Answer, Engine, Kind, Question};

use super::setup::{configuration, fetching_configuration, signed_token, signing_key};
use crate::host::{Forwarded, Headers, HostCall, HttpCall, Mode, Process, Reply, Stream, Vm, pass};
use crate::scenarios::failing::{code, fail_each, sorted};
use crate::scenarios::setup::{ROOT, request, serving};
use crate::{MODULE, owned};

/// What becomes of the calls to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    All,
    /// The first one is lost.
    FirstLost,
    /// All are lost.
    Lost,
    /// Another process has used the `jti`.
    Used,
}

/// A request and the answer that it waits for.
struct Case {
    kind: Kind,
    configuration: String,
    mode: Mode,
    headers: Headers,
    body: Option<&'static str>,
    has_trailers: bool,
    answers: Answers,
    /// The code that the request gets without a failure; `None` if it is forwarded.
    code: Option<&'static str>,
}

/// A case in which an edited header is forwarded.
fn header(kind: Kind) -> Case {
    Case {
        kind,
        configuration: format!("outcome: {{}}\nreplayColdStart: refuse\n{}", configuration(kind, "")),
        mode: Mode::Default,
        headers: request(&late_token("1")),
        body: None,
        has_trailers: false,
        answers: Answers::All,
        code: None,
    }
}

/// A token that was issued after the start.
fn late_token(jti: &str) -> String {
    let mut claims = super::setup::claims(jti);
    claims["iat"] = 1_800_000_001.into();
    claims["nbf"] = 1_800_000_000.into();
    crate::key().token(None, &claims)
}

/// A case in which an edited form is forwarded.
fn form(kind: Kind, mode: Mode, has_trailers: bool) -> Case {
    let mut case = header(kind);
    case.headers.extend(owned([("content-type", "application/x-www-form-urlencoded")]));
    let to_header = "parameterName: X-Sub, location: header";
    let configuration = case.configuration.replace(to_header, "parameterName: sub, location: formData");
    Case { configuration, mode, body: Some("sub=mallory&a=1"), has_trailers, ..case }
}

/// A case whose request waits for keys first.
fn with_keys(kind: Kind) -> Case {
    Case {
        configuration: format!("outcome: {{}}\n{}", fetching_configuration(kind, "")),
        headers: request(&signed_token("1")),
        ..header(kind)
    }
}

/// What came of a request, and of a second one with the same token that was sent later.
struct Outcome {
    first: Stream,
    second: Stream,
    calls: Vec<HostCall>,
}

/// A worker and what answers its calls.
struct Run<'a> {
    case: &'a Case,
    vms: [Vm; 1],
    engine: Engine,
    process: Process,
    lost: usize,
}

impl Run<'_> {
    fn send(&mut self) -> Result<u32, String> {
        let (case, [vm]) = (self.case, &mut self.vms);
        let stream = vm.open(ROOT, case.mode)?;
        vm.headers(stream, case.headers.clone(), case.body.is_none() && !case.has_trailers)?;
        if let Some(body) = case.body {
            vm.body(stream, body.as_bytes(), !case.has_trailers)?;
        }
        if case.has_trailers {
            vm.trailers(stream, owned([("t", "u")]))?;
        }
        Ok(stream)
    }

    /// Lets time pass until the request does not wait any more, some seconds at most.
    fn wait(&mut self, stream: u32) -> Result<(), String> {
        for _ in 0..200 {
            self.pass(12)?;
            if !self.vms[0].stream(stream).is_waiting() {
                break;
            }
        }
        Ok(())
    }

    /// Lets time pass, in milliseconds, then answers all calls.
    fn pass(&mut self, milliseconds: u64) -> Result<(), String> {
        pass(&mut self.vms, Duration::from_millis(milliseconds))?;
        for call in self.vms[0].state().http_calls.clone() {
            let reply = self.reply(&call);
            self.vms[0].answer(call.token, &reply)?;
        }
        Ok(())
    }

    fn reply(&mut self, call: &HttpCall) -> Reply {
        if call.cluster != "jti-store" {
            return serving(&[(None, signing_key())]);
        }
        let (path, now) = (call.header(":path").expect("a path"), self.process.now().as_millis() as u64);
        let question = Question::read(self.case.kind, path, &call.body);
        if let (Answers::Used, Question::Record { key, .. }) = (self.case.answers, question) {
            self.engine.insert(&key, b"of another", now + 3_600_000);
        }
        let Answer { headers, body, trailers } = self.engine.answer(path, &call.body, now);
        let is_lost = match self.case.answers {
            Answers::All | Answers::Used => false,
            Answers::FirstLost => self.lost < 1,
            Answers::Lost => true,
        };
        self.lost += usize::from(is_lost);
        if is_lost { Reply::default() } else { Reply { headers, body, trailers } }
    }
}

impl Case {
    /// Starts a VM and sends it the requests. The host call with this index fails with this status.
    fn run(&self, fail_at: Option<(usize, u32)>) -> Result<Outcome, String> {
        let process = Process::default();
        let vms = [MODULE.load(&process)];
        let mut run = Run { case: self, vms, engine: Engine::new(self.kind), process, lost: 0 };
        run.vms[0].state_mut().fail_at = fail_at;
        run.vms[0].start(self.configuration.as_str())?;
        run.pass(2_000)?;
        let first = run.send()?;
        run.wait(first)?;
        let first = run.vms[0].close(first)?;
        let calls = run.vms[0].state().calls.clone();
        // Afterwards a fetch that was lost has been repeated.
        (0..100).try_for_each(|_| run.pass(100))?;
        let second = run.send()?;
        run.wait(second)?;
        let second = run.vms[0].close(second)?;
        Ok(Outcome { first, second, calls })
    }

    /// What is wrong with the requests after a call failed. `whole` is without the failure.
    fn problem(&self, outcome: &Outcome, whole: &Outcome, call: &HostCall) -> Option<String> {
        let Outcome { first, second, .. } = outcome;
        let found = code(first);
        // The headers of a form may have gone on, but nothing else.
        let is_held = |forwarded: &Forwarded| !forwarded.is_complete && forwarded.body.is_empty();
        let is_stopped = first.forwarded.as_ref().is_none_or(is_held);
        let is_right = match found {
            // The response can't be sent, so the request stays paused; or the host says that the request is gone.
            None if is_stopped => {
                ["proxy_send_local_response", "proxy_set_effective_context"].contains(&call.name.as_str())
            }
            None => self.code.is_none() && sorted(first) == sorted(&whole.first),
            // The store of the process could not be written, or the start not be read.
            Some("S503JF" | "A403JT") => is_stopped && call.name.ends_with("_shared_data"),
            Some(found) => {
                is_stopped && (Some(found) == self.code || ["S503HF", "S503JW", "S503JS", "I400JP"].contains(&found))
            }
        };
        let is_configuration_lost = call.callback == "proxy_on_configure" && found == Some("I400JP");
        let is_second_right = match code(second) {
            // The engine may have recorded the first one.
            Some("S403JU") => second.forwarded.is_none(),
            None => sorted(first).is_none() && self.code.is_none() && sorted(second) == sorted(&whole.first),
            Some(_) if second.forwarded.is_some() => false,
            Some("S503JS") => self.answers == Answers::Lost,
            Some("I400JP") => is_configuration_lost,
            // The host failed in the first tick, so the start is that of the first request.
            Some("A403JT") => call.name.ends_with("_shared_data"),
            Some(_) => false,
        };
        let of = |stream: &Stream| format!("{:?} {:?} {:?}", code(stream), stream.actions, sorted(stream));
        (!is_right || !is_second_right).then(|| format!("{}; then {}", of(first), of(second)))
    }
}

/// Fails the calls of a case, those from the first callback of the request on, or all.
fn check(case: &Case, from_start: bool) {
    let whole = case.run(None).expect("no crash");
    let is_lost = case.answers == Answers::Lost && case.code.is_some();
    let second = if is_lost { "S503JS" } else { "S403JU" };
    assert_eq!([code(&whole.first), code(&whole.second)], [case.code, Some(second)]);
    fail_each(&whole.calls, from_start, |fail_at, call| Ok(case.problem(&case.run(Some(fail_at))?, &whole, call)));
}

#[test]
fn from_the_start_of_a_worker_until_a_request_is_forwarded() {
    Kind::ALL.iter().for_each(|kind| check(&header(*kind), true));
}

#[test]
fn when_the_first_answer_is_lost() {
    Kind::ALL.iter().for_each(|kind| check(&Case { answers: Answers::FirstLost, ..header(*kind) }, false));
}

#[test]
fn when_no_answer_comes() {
    for kind in Kind::ALL {
        check(&Case { answers: Answers::Lost, code: Some("S503JS"), ..header(kind) }, false);
    }
}

#[test]
fn when_no_answer_comes_and_the_process_decides_alone() {
    for kind in Kind::ALL {
        let case = header(kind);
        let configuration = case.configuration.replace("cluster: jti-store", "cluster: jti-store, onFailure: local");
        check(&Case { answers: Answers::Lost, configuration, ..case }, false);
    }
}

#[test]
fn for_a_jti_that_is_used() {
    Kind::ALL.iter().for_each(|kind| {
        check(&Case { answers: Answers::Used, code: Some("S403JU"), ..header(*kind) }, false);
    });
}

#[test]
fn for_a_form_that_is_complete() {
    Kind::ALL.iter().for_each(|kind| check(&form(*kind, Mode::Hold, false), false));
}

#[test]
fn for_a_form_with_trailers() {
    Kind::ALL.iter().for_each(|kind| check(&form(*kind, Mode::Hold, true), false));
}

#[test]
fn for_a_form_with_trailers_that_were_held_back() {
    Kind::ALL.iter().for_each(|kind| check(&form(*kind, Mode::Default, true), false));
}

#[test]
fn for_a_request_that_waited_for_keys_first() {
    Kind::ALL.iter().for_each(|kind| check(&with_keys(*kind), false));
}

#[test]
fn for_a_request_that_waited_for_keys_first_and_whose_first_answer_is_lost() {
    Kind::ALL.iter().for_each(|kind| check(&Case { answers: Answers::FirstLost, ..with_keys(*kind) }, false));
}
