//! The host and real Envoys side by side: the same modules see the same callbacks, and the same reaches the backend.

use std::thread::sleep;
use std::time::Duration;

use kit::bootstrap::{Configuration, Listener, WasmFilter};
use kit::envoy;
use kit::http2::{self, Body, Request};
use kit::proxy::Proxy;

use super::{ROOT, STREAM, headers};
use crate::host::puppet::{assemble, puppet};
use crate::host::{Mode, Process, pass};

/// A module and a request with the body `a=1&b=2` in two parts.
struct Case {
    name: &'static str,
    mode: Mode,
    /// The instructions after which a callback answers.
    headers: &'static str,
    body: &'static str,
    trailers: &'static str,
    /// What the first ticks do after the whole request has arrived, each with the stream as the effective context.
    ticks: &'static [&'static str],
    has_trailers: bool,
}

const CONTINUE: &str = "i32.const 0";
const PAUSE: &str = "i32.const 1";
const PAUSE_UNTIL_END: &str = "(i32.eqz (local.get 2))";
const REWRITE_AT_END: &str = "(if (local.get 2) (then (call $write (i32.const 4)))) (i32.eqz (local.get 2))";
const EDIT_AND_REWRITE_AT_END: &str =
    "(if (local.get 2) (then (call $set (i32.const 1)) (call $write (i32.const 4)))) (i32.eqz (local.get 2))";
const REWRITE_AND_CONTINUE: &str = "(call $write (i32.const 4)) i32.const 0";
const REWRITE_AND_PAUSE: &str = "(call $write (i32.const 4)) i32.const 1";
const EDIT_AND_GO_ON: &str = "(call $set (i32.const 1)) call $continue";
const EDIT_REWRITE_AND_GO_ON: &str = "(call $set (i32.const 1)) (call $write (i32.const 4)) call $continue";

const fn case(name: &'static str, mode: Mode, body: &'static str, ticks: &'static [&'static str]) -> Case {
    Case { name, mode, headers: PAUSE, body, trailers: CONTINUE, ticks, has_trailers: false }
}

const CASES: [Case; 13] = [
    case("default-body-continue", Mode::Default, CONTINUE, &[EDIT_AND_GO_ON]),
    case("default-rewrite-at-end", Mode::Default, REWRITE_AT_END, &[EDIT_AND_GO_ON]),
    case("default-response", Mode::Default, CONTINUE, &["call $respond"]),
    Case { has_trailers: true, ..case("default-trailers-body-continue", Mode::Default, CONTINUE, &[EDIT_AND_GO_ON]) },
    // The bug of Envoy that loses the body.
    Case { has_trailers: true, ..case("default-trailers-body-pause", Mode::Default, PAUSE, &[EDIT_AND_GO_ON]) },
    // A way around it: the trailers pause, too, and a later tick lets the request go on.
    Case {
        trailers: REWRITE_AND_PAUSE,
        has_trailers: true,
        ..case("default-trailers-both-pause", Mode::Default, PAUSE, &[EDIT_AND_GO_ON, "call $continue"])
    },
    case("hold-rewrite-and-go-on", Mode::Hold, PAUSE, &[EDIT_REWRITE_AND_GO_ON]),
    Case {
        trailers: PAUSE,
        has_trailers: true,
        ..case("hold-trailers-rewrite-and-go-on", Mode::Hold, PAUSE, &[EDIT_REWRITE_AND_GO_ON])
    },
    case("hold-edit-and-rewrite-at-end", Mode::Hold, EDIT_AND_REWRITE_AT_END, &[]),
    Case {
        trailers: REWRITE_AND_CONTINUE,
        has_trailers: true,
        ..case("hold-trailers-rewrite", Mode::Hold, PAUSE_UNTIL_END, &[])
    },
    // The hole: nobody let the headers go on.
    case("hold-body-continue", Mode::Hold, CONTINUE, &[]),
    case("hold-response", Mode::Hold, PAUSE, &["call $respond"]),
    Case {
        headers: CONTINUE,
        trailers: REWRITE_AND_CONTINUE,
        has_trailers: true,
        ..case("not-waiting-trailers-rewrite", Mode::Default, PAUSE_UNTIL_END, &[])
    },
];

/// What a module and a backend saw.
#[derive(Debug, PartialEq)]
struct Seen {
    /// The callbacks and statuses that the module logged, as digits.
    log: String,
    status: u32,
    /// The header `x`, the body, and whether there is the trailer `t`.
    backend: Option<(Option<String>, String, bool)>,
}

impl Case {
    /// The callbacks of the module. Each callback of a request logs its kind (9 headers, 8 body, 7 trailers) and its
    /// arguments. The third tick after the headers does the first of `ticks`, the fifth the second.
    fn callbacks(&self) -> Vec<(&'static str, String)> {
        let count = "(i32.load (i32.const 604))";
        let ticks: String = (3..)
            .step_by(2)
            .zip(self.ticks)
            .map(|(at, then)| {
                let stream = "(call $context (i32.load (i32.const 608)))";
                format!("(if (i32.eq {count} (i32.const {at})) (then {stream} {then}))")
            })
            .collect();
        let remember = "(i32.store (i32.const 604) (i32.const 1)) (i32.store (i32.const 608) (local.get 0))";
        let arguments = "(call $status (local.get 1)) (call $status (local.get 2))";
        let tick = format!("(if {count} (then (i32.store (i32.const 604) (i32.add {count} (i32.const 1))) {ticks}))");
        vec![
            ("configure", "(drop (call $host_tick (i32.const 100))) i32.const 1".to_owned()),
            ("request_headers", format!("(call $status (i32.const 9)) {remember} {}", self.headers)),
            ("request_body", format!("(call $status (i32.const 8)) {arguments} {}", self.body)),
            ("request_trailers", format!("(call $status (i32.const 7)) {}", self.trailers)),
            ("tick", tick),
        ]
    }

    /// What the host of this test shows.
    fn in_the_host(&self, callbacks: &[(&str, &str)]) -> Seen {
        let mut vms = [puppet(callbacks).load(&Process::default())];
        let [vm] = &mut vms;
        assert_eq!((vm.start("").unwrap(), vm.open(ROOT, self.mode).unwrap()), (ROOT, STREAM));
        vm.headers(STREAM, headers(&[(":path", "/")]), false).unwrap();
        vm.body(STREAM, b"a=1", false).unwrap();
        vm.body(STREAM, b"&b=2", !self.has_trailers).unwrap();
        if self.has_trailers {
            vm.trailers(STREAM, headers(&[("t", "u")])).unwrap();
        }
        pass(&mut vms, Duration::from_secs(1)).unwrap();
        let [vm] = &mut vms;
        let log = vm.state_mut().log.drain(..).map(|(_, text)| text).collect();
        let stream = vm.close(STREAM).unwrap();
        let forwarded = stream.forwarded.filter(|forwarded| forwarded.is_complete);
        let backend = forwarded.map(|forwarded| {
            let trailers = forwarded.trailers.unwrap_or_default();
            (value(&forwarded.headers, "x"), text(&forwarded.body), value(&trailers, "t").is_some())
        });
        Seen { log, status: stream.response.map_or(200, |response| response.status), backend }
    }

    /// What an Envoy shows.
    fn in_envoy(&self, proxy: &Proxy) -> Seen {
        let data = vec![b"a=1".to_vec(), b"&b=2".to_vec()];
        let body = match self.has_trailers {
            true => Body::DataThenTrailers(data, headers(&[("t", "u")])),
            false => Body::Data(data),
        };
        let address = proxy.envoy.address(self.name).unwrap();
        let response = http2::exchange(&address, &Request::post("/").body(body))
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", self.name, proxy.envoy.log()));
        let backend = (response.status == 200).then(|| {
            let echoed = response.echoed().unwrap();
            (value(&echoed.headers, "x"), text(&echoed.body), text(&response.body).contains("\r\n0\r\nt: u\r\n"))
        });
        Seen { log: self.logged(proxy), status: response.status.into(), backend }
    }

    /// The digits that the module logged, once Envoy has written them.
    fn logged(&self, proxy: &Proxy) -> String {
        sleep(Duration::from_millis(100));
        let log = proxy.envoy.log();
        let own = log.lines().filter(|line| line.contains("wasm log") && line.contains(&format!(" {}: ", self.name)));
        own.filter_map(|line| line.rsplit(' ').next()).collect()
    }
}

fn value(headers: &[(String, Vec<u8>)], name: &str) -> Option<String> {
    headers.iter().find_map(|(other, value)| (other == name).then(|| text(value)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn envoys_make_the_same_callbacks_as_the_host_and_forward_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (mut listeners, mut expected) = (Vec::new(), Vec::new());
    for case in CASES {
        let callbacks = case.callbacks();
        let callbacks: Vec<_> = callbacks.iter().map(|(name, body)| (*name, body.as_str())).collect();
        let path = folder.path().join(format!("{}.wasm", case.name));
        std::fs::write(&path, assemble(&callbacks)).unwrap();
        let mut filter = WasmFilter::new(case.name, &path, Configuration::Text(String::new()));
        // A VM of its own: in Envoy 1.36 the mode belongs to the VM.
        filter.vm_id = case.name.to_owned();
        filter.hold_headers = case.mode == Mode::Hold;
        listeners.push(Listener::new(case.name, vec![filter]));
        expected.push(case.in_the_host(&callbacks));
    }
    for binary in envoy::binaries() {
        let proxy = Proxy::with_workers(&binary, listeners.clone(), 1);
        for (case, expected) in CASES.iter().zip(&expected) {
            assert_eq!(case.in_envoy(&proxy), *expected, "{} in {}", case.name, binary.display());
        }
    }
}
