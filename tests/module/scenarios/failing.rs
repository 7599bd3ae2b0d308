//! Each host call fails once with each status, from the start of the VM until a request that waited is answered. Then
//! the request is rejected or decided as without the failure, is never left waiting, and the next one is decided as ever.

use std::time::Duration;

use kit::issuer::SigningKey;

use super::setup::{ROOT, configuration, key, request, serving, token};
use crate::host::{Forwarded, Headers, HostCall, Mode, Process, Reply, Stream, Vm, pass};
use crate::{MODULE, owned, statuses};

/// What the request is like, and the answer that it waits for.
struct Case {
    configuration: String,
    mode: Mode,
    headers: Headers,
    body: Option<&'static str>,
    has_trailers: bool,
    /// `None`: there is no answer.
    answer: Option<Reply>,
    /// The code that the request gets without a failure; `None` if it is forwarded.
    code: Option<&'static str>,
}

/// A case in which an edited header is forwarded.
fn header(issuer: &SigningKey) -> Case {
    Case {
        configuration: format!("outcome: {{}}\n{}", configuration(", timeoutSeconds: 1, unknownKidCooldownSeconds: 5")),
        mode: Mode::Default,
        headers: request(&token(issuer, Some("a"))),
        body: None,
        has_trailers: false,
        answer: Some(serving(&[(Some("a"), issuer)])),
        code: None,
    }
}

/// A case in which an edited form is forwarded.
fn form(mode: Mode, has_trailers: bool) -> Case {
    let mut case = header(&key());
    case.headers.extend(owned([("content-type", "application/x-www-form-urlencoded")]));
    let to_header = "parameterName: X-Sub, location: header";
    let configuration = case.configuration.replace(to_header, "parameterName: sub, location: formData");
    Case { configuration, mode, body: Some("sub=mallory&a=1"), has_trailers, ..case }
}

/// Not found, bad argument and internal failure.
const FEW_STATUSES: [u32; 3] = [1, 2, 10];

/// What came of a request, and of a second one that was sent later.
struct Outcome {
    first: Stream,
    second: Stream,
    calls: Vec<HostCall>,
}

impl Case {
    /// Starts a VM and sends it the requests. The host call with this index fails with this status.
    fn run(&self, fail_at: Option<(usize, u32)>) -> Result<Outcome, String> {
        let mut vms = [MODULE.load(&Process::default())];
        vms[0].state_mut().fail_at = fail_at;
        vms[0].start(self.configuration.as_str())?;
        pass(&mut vms, Duration::from_millis(2))?;
        let first = self.send(&mut vms[0])?;
        self.wait(&mut vms, first)?;
        let first = vms[0].close(first)?;
        let calls = vms[0].state().calls.clone();
        // Afterwards a fetch that was lost has been repeated, and the cool-down for unknown kids is over.
        (0..100).try_for_each(|_| self.pass(&mut vms, 100))?;
        let second = self.send(&mut vms[0])?;
        self.wait(&mut vms, second)?;
        let second = vms[0].close(second)?;
        Ok(Outcome { first, second, calls })
    }

    fn send(&self, vm: &mut Vm) -> Result<u32, String> {
        let stream = vm.open(ROOT, self.mode)?;
        vm.headers(stream, self.headers.clone(), self.body.is_none() && !self.has_trailers)?;
        if let Some(body) = self.body {
            vm.body(stream, body.as_bytes(), !self.has_trailers)?;
        }
        if self.has_trailers {
            vm.trailers(stream, owned([("t", "u")]))?;
        }
        Ok(stream)
    }

    /// Lets time pass until the request does not wait any more, some seconds at most.
    fn wait(&self, vms: &mut [Vm; 1], stream: u32) -> Result<(), String> {
        for _ in 0..200 {
            self.pass(vms, 12)?;
            if !vms[0].stream(stream).is_waiting() {
                break;
            }
        }
        Ok(())
    }

    /// Lets time pass, in milliseconds, then answers all calls.
    fn pass(&self, vms: &mut [Vm; 1], milliseconds: u64) -> Result<(), String> {
        pass(vms, Duration::from_millis(milliseconds))?;
        let Some(answer) = &self.answer else { return Ok(()) };
        let open: Vec<u32> = vms[0].state().http_calls.iter().map(|call| call.token).collect();
        open.into_iter().try_for_each(|token| vms[0].answer(token, answer))
    }

    /// What is wrong with the requests after a call failed. `whole` is without the failure.
    fn problem(&self, outcome: &Outcome, whole: &Outcome, call: &HostCall) -> Option<String> {
        let Outcome { first, second, .. } = outcome;
        let found = code(first);
        let is_configuration_lost = call.callback == "proxy_on_configure" && found == Some("I400JP");
        // The headers of a form may have gone on, but nothing else.
        let is_held = |forwarded: &Forwarded| !forwarded.is_complete && forwarded.body.is_empty();
        let is_stopped = first.forwarded.as_ref().is_none_or(is_held);
        let is_right = match first.response {
            // The response can't be sent, so the request stays paused; or the host says that the request is gone.
            None if is_stopped => {
                ["proxy_send_local_response", "proxy_set_effective_context"].contains(&call.name.as_str())
            }
            None => sorted(first) == sorted(&whole.first),
            Some(_) => is_stopped && (found == self.code || matches!(found, Some("S503HF" | "S503JW" | "I400JP"))),
        };
        let is_second_right = (sorted(second), code(second)) == (sorted(&whole.second), code(&whole.second));
        let is_expected = is_right && (is_second_right && found != Some("I400JP") || is_configuration_lost);
        let of = |stream: &Stream| format!("{:?} {:?} {:?}", code(stream), stream.actions, sorted(stream));
        (!is_expected).then(|| format!("{}; then {}", of(first), of(second)))
    }
}

pub(super) fn code(stream: &Stream) -> Option<&str> {
    stream.response.as_ref()?.header("x-ca-error-code")
}

/// What was forwarded, with the headers in a fixed order.
pub(super) fn sorted(stream: &Stream) -> Option<(Headers, Vec<u8>, Option<Headers>)> {
    let mut forwarded = stream.forwarded.clone().filter(|forwarded| forwarded.is_complete)?;
    forwarded.headers.sort();
    Some((forwarded.headers, forwarded.body, forwarded.trailers))
}

/// Fails the calls of a case, those from the first callback of the request on, or all.
fn check(case: &Case, from_start: bool) {
    let whole = case.run(None).expect("no crash");
    assert_eq!([code(&whole.first), code(&whole.second)], [case.code; 2]);
    fail_each(&whole.calls, from_start, |fail_at, call| Ok(case.problem(&case.run(Some(fail_at))?, &whole, call)));
}

/// Fails calls, those from the first callback of the request on, or all. Of calls that are repeated in one callback or
/// more, the first three and the last one are failed. `problem` runs the case in which the call of an index fails with a
/// status, and says what is wrong then; it is an error if the VM crashes.
pub(super) fn fail_each(
    calls: &[HostCall],
    from_start: bool,
    problem: impl Fn((usize, u32), &HostCall) -> Result<Option<String>, String>,
) {
    let request = calls.iter().position(|call| call.callback == "proxy_on_request_headers").expect("a request");
    let (mut failures, mut tried) = (Vec::new(), 0);
    for (index, call) in calls.iter().enumerate().skip(if from_start { 0 } else { request }) {
        let same = |calls: &[HostCall]| calls.iter().filter(|other| *other == call).count();
        if same(&calls[..index]) >= 3 && same(&calls[index + 1..]) >= 1 {
            continue;
        }
        // Only "not found" means something else than the others, so only one case tries them all.
        for &status in statuses(call).iter().filter(|status| from_start || FEW_STATUSES.contains(status)) {
            tried += 1;
            let problem = problem((index, status), call).unwrap_or_else(Some);
            let place = || format!("call {index}, {} in {}, fails with {status}", call.name, call.callback);
            failures.extend(problem.map(|problem| format!("{}: {problem}", place())));
        }
    }
    assert!(tried > 40, "{tried} failed calls");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn from_the_start_of_a_worker_until_a_request_is_forwarded() {
    check(&header(&key()), true);
}

#[test]
fn for_a_form_that_is_complete() {
    check(&form(Mode::Hold, false), false);
}

#[test]
fn for_a_form_with_trailers() {
    check(&form(Mode::Hold, true), false);
}

#[test]
fn for_a_form_with_trailers_that_were_held_back() {
    check(&form(Mode::Default, true), false);
}

#[test]
fn for_a_request_with_an_invalid_signature() {
    let issuer = key();
    let answer = Some(serving(&[(Some("a"), &key())]));
    check(&Case { answer, code: Some("A403JT"), ..header(&issuer) }, false);
}

#[test]
fn for_a_request_with_an_unknown_kid() {
    let issuer = key();
    let answer = Some(serving(&[(Some("b"), &issuer)]));
    check(&Case { answer, code: Some("A403JK"), ..header(&issuer) }, false);
}

#[test]
fn for_a_request_that_waits_in_vain() {
    check(&Case { answer: None, code: Some("S503JW"), ..header(&key()) }, false);
}
