//! The host does what Envoy does, and notices what Envoy does not forgive.

mod envoys;
mod streams;

use std::time::Duration;

use super::puppet::puppet;
use super::{Forwarded, Headers, Mode, Process, Reply, Vm, pass};

/// The first root context of a VM, and its first stream.
const ROOT: u32 = 1;
const STREAM: u32 = 2;

const PAUSE: &str = "i32.const 1";
/// Sets the header `x` to `1` and lets the stream go on.
const RESUME: &str = "call $stream (call $set (i32.const 1)) call $continue";

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

/// A started VM with one open stream.
fn vm(mode: Mode, callbacks: &[(&str, &str)]) -> Vm {
    let mut vm = puppet(callbacks).load(&Process::default());
    assert_eq!(vm.start("").unwrap(), ROOT);
    assert_eq!(vm.open(ROOT, mode).unwrap(), STREAM);
    vm
}

fn log(vm: &mut Vm) -> String {
    vm.state_mut().log.drain(..).map(|(_, text)| text).collect()
}

fn forwarded(edited: &[(&str, &str)], body: &str, trailers: Option<&[(&str, &str)]>) -> Option<Forwarded> {
    let (headers, trailers) = (headers(edited), trailers.map(headers));
    Some(Forwarded { headers, body: body.as_bytes().to_vec(), trailers, is_complete: true })
}

#[test]
fn a_closed_stream_can_not_become_effective_and_the_calls_go_to_the_context_before() {
    let tick = "call $stream (call $context (i32.const 3)) (call $set (i32.const 1)) call $continue";
    let mut vm = vm(Mode::Default, &[("request_headers", PAUSE), ("tick", tick)]);
    let second = vm.open(ROOT, Mode::Default).unwrap();
    vm.headers(STREAM, headers(&[]), true).unwrap();
    vm.headers(second, headers(&[]), true).unwrap();
    vm.close(second).unwrap();
    vm.tick(ROOT).unwrap();
    assert_eq!(log(&mut vm), "0200");
    assert_eq!(vm.close(STREAM).unwrap().forwarded, forwarded(&[("x", "1")], "", None));
}

#[test]
fn an_http_call_is_accepted_once_answered_and_its_answer_readable_in_its_callback_only() {
    let read = "(call $list (i32.const 6)) (call $list (i32.const 7)) (call $read (i32.const 4))";
    let tick = format!("(call $call (i32.const 62)) {read}");
    let mut vm = vm(Mode::Default, &[("tick", &tick), ("http_call_response", read)]);
    vm.state_mut().http_call_statuses.extend([2, 10]);
    for status in ["2", "10", "0"] {
        vm.tick(ROOT).unwrap();
        assert_eq!(log(&mut vm), format!("{status}001"));
    }
    let [call] = vm.state().http_calls.as_slice() else { panic!("one call") };
    assert_eq!((call.token, call.root, call.cluster.as_str()), (1, ROOT, "keys"));
    assert_eq!(call.headers, headers(&[(":method", "GET"), (":path", "/k"), (":authority", "h")]));
    assert_eq!((call.timeout, call.header(":path")), (Duration::from_secs(5), Some("/k")));
    vm.answer(1, &Reply { trailers: headers(&[("t", "u")]), ..Reply::new(200, "body") }).unwrap();
    let pairs =
        |name: &str, value: &str| String::from_utf8(jwt_auth::encode_header_map(&[(name, value.as_bytes())])).unwrap();
    assert_eq!(log(&mut vm), format!("0{}0{}0body", pairs(":status", "200"), pairs("t", "u")));
    vm.tick(ROOT).unwrap();
    log(&mut vm);
    // A connection that broke: no headers, and no body to read.
    vm.answer(2, &Reply::default()).unwrap();
    assert_eq!(log(&mut vm), "001");
    assert!(vm.state().http_calls.is_empty());
}

#[test]
fn an_http_call_without_a_path_or_authority_is_refused() {
    let mut vm = vm(Mode::Default, &[("tick", "(call $call (i32.const 20))")]);
    vm.tick(ROOT).unwrap();
    assert_eq!((log(&mut vm).as_str(), vm.state().http_calls.len()), ("2", 0));
}

#[test]
fn the_vms_of_a_process_share_data_metrics_and_the_clock() {
    let (module, process) = (puppet(&[("tick", "call $create call $metrics")]), Process::default());
    let mut vms = [module.load(&process), module.load(&process)];
    for (vm, created) in vms.iter_mut().zip(["0", "8"]) {
        vm.start("").unwrap();
        vm.tick(ROOT).unwrap();
        // A counter can't be incremented by 0.
        assert_eq!(log(vm), format!("{created}00200"));
    }
    assert_eq!(process.shared_data(b"k").unwrap(), (b"012".to_vec(), 1));
    assert_eq!((process.metric("hits"), process.metric("age"), process.metric("other")), (Some(4), Some(7), None));
}

#[test]
fn timers_fire_in_their_period_and_setting_the_period_starts_it_anew() {
    let module = puppet(&[
        ("configure", "(call $tick_after (i32.const 10)) i32.const 1"),
        ("request_headers", "(call $tick_after (i32.const 4)) i32.const 1"),
        ("tick", ""),
    ]);
    let (process, millisecond) = (Process::default(), Duration::from_millis(1));
    let mut vms = [module.load(&process), module.load(&process)];
    for vm in &mut vms {
        vm.start("").unwrap();
    }
    let start = process.now();
    let next = |vms: &[Vm; 2]| vms.each_ref().map(|vm| (vm.next_tick().unwrap().0 - start).as_millis());
    pass(&mut vms, 9 * millisecond).unwrap();
    assert_eq!(next(&vms), [10, 10]);
    let stream = vms[1].open(ROOT, Mode::Default).unwrap();
    vms[1].headers(stream, headers(&[]), true).unwrap();
    assert_eq!(next(&vms), [10, 13]);
    pass(&mut vms, 12 * millisecond).unwrap();
    assert_eq!((next(&vms), (process.now() - start).as_millis()), ([30, 25], 21));
}

#[test]
fn root_contexts_of_one_vm_have_their_own_calls_which_end_with_them() {
    let mut vm = vm(Mode::Default, &[("tick", "(call $call (i32.const 62))")]);
    let second = vm.add_root("").unwrap();
    vm.tick(second).unwrap();
    vm.tick(ROOT).unwrap();
    let roots = |vm: &Vm| vm.state().http_calls.iter().map(|call| (call.token, call.root)).collect::<Vec<_>>();
    assert_eq!(roots(&vm), [(1, second), (2, ROOT)]);
    vm.remove_root(second).unwrap();
    assert_eq!(roots(&vm), [(2, ROOT)]);
}

#[test]
fn a_crash_is_an_error_of_the_event() {
    let mut vm = vm(Mode::Default, &[("request_headers", "unreachable")]);
    let error = vm.headers(STREAM, headers(&[]), true).unwrap_err();
    assert!(error.starts_with("the VM crashed in proxy_on_request_headers"), "{error}");
}
