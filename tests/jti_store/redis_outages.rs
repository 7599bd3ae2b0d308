//! A Redis that fails in each way accepts no `jti` twice, and no new one while it fails.

use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use kit::engines::{Persistence, Redis, Webdis};

use crate::checks::{await_lines, failures, stored};
use crate::record::newest_envoy;
use crate::setup::{Engine, Fleet, Settings, accepted, token, unavailable, used};

/// Short, because a hung engine costs each request all of it.
const TIMEOUT_MILLISECONDS: u32 = 1000;

const BEGIN: &str = "[warning] jtiStore: redis (cluster jti-store) does not say whether a jti was used: ";
const END: &str = "[info] jtiStore: redis (cluster jti-store) says again whether a jti was used";

/// One way to fail.
struct Outage {
    /// What Redis keeps on its disk.
    persistence: Persistence,
    begin: fn(&Redis, &Webdis),
    end: fn(&Redis, &Webdis),
    /// The counter.
    reason: &'static str,
    /// What the log line says.
    because: &'static str,
    /// Whether Redis executes the commands of the outage when it ends.
    executes_later: bool,
    /// Whether Redis still knows the `jti`s used before.
    remembers: bool,
}

/// Redis runs, and answers with errors.
const ANSWERING: Outage = Outage {
    persistence: Persistence::Nothing,
    begin: |_, _| (),
    end: |_, _| (),
    reason: "engine_error",
    because: "",
    executes_later: false,
    remembers: true,
};

const UNREACHABLE: Outage = Outage {
    reason: "status",
    because: "the status was 503; Envoy answers so when it can't connect or TLS fails",
    ..ANSWERING
};

const HUNG: Outage = Outage {
    reason: "status",
    because: "the status was 504; Envoy answers so when the engine does not answer in time",
    executes_later: true,
    ..ANSWERING
};

#[test]
fn a_read_only_redis_accepts_nothing() {
    drill(&Outage {
        begin: |redis, _| redis.set_read_only(true),
        end: |redis, _| redis.set_read_only(false),
        because: "the engine reported: READONLY You can't write against a read only replica.",
        ..ANSWERING
    });
}

#[test]
fn a_redis_without_memory_accepts_nothing() {
    drill(&Outage {
        begin: |redis, _| redis.set_out_of_memory(true),
        end: |redis, _| redis.set_out_of_memory(false),
        because: "the engine reported: OOM command not allowed when used memory \\x3e 'maxmemory'.",
        ..ANSWERING
    });
}

#[test]
fn a_suspended_redis_uses_up_a_token_at_most() {
    drill(&Outage { begin: |redis, _| redis.process().stop(), end: |redis, _| redis.process().cont(), ..HUNG });
}

#[test]
fn a_busy_redis_uses_up_a_token_at_most() {
    let begin = |redis: &Redis, _: &Webdis| {
        let mut stream = TcpStream::connect(redis.address()).unwrap();
        // It has no answer before the end of the sleep, so nobody waits for it.
        stream.write_all(b"DEBUG SLEEP 7\r\n").unwrap();
        thread::sleep(Duration::from_millis(200));
    };
    drill(&Outage { begin, end: |_, webdis| webdis.wait_until_answering().unwrap(), ..HUNG });
}

#[test]
fn a_suspended_webdis_uses_up_a_token_at_most() {
    drill(&Outage { begin: |_, webdis| webdis.process().stop(), end: |_, webdis| webdis.process().cont(), ..HUNG });
}

#[test]
fn a_killed_webdis_loses_nothing() {
    drill(&Outage { begin: |_, webdis| webdis.process().kill(), ..UNREACHABLE });
}

#[test]
fn a_redis_that_keeps_every_write_knows_all_jtis_after_it_was_killed() {
    drill(&Outage { persistence: Persistence::EveryWrite, begin: |redis, _| redis.process().kill(), ..UNREACHABLE });
}

/// What is not promised: its `jti`s are used up only in the Envoy that accepted them.
#[test]
fn a_redis_that_keeps_nothing_forgets_all_jtis_when_it_is_killed() {
    drill(&Outage { begin: |redis, _| redis.process().kill(), remembers: false, ..UNREACHABLE });
}

fn drill(outage: &Outage) {
    let engine = Engine::redis(outage.persistence);
    let Engine::Redis(redis, webdis) = &engine else { unreachable!() };
    // One worker, which logs each change once.
    let settings = Settings { workers: 1, timeout_milliseconds: TIMEOUT_MILLISECONDS, ..Settings::default() };
    let fleet = Fleet::start(&newest_envoy(), &engine, &settings);
    let (known, first, second, later) = (token("known"), token("first"), token("second"), token("later"));
    fleet.expect(0, &accepted(&known));

    (outage.begin)(redis, webdis);
    fleet.expect(0, &unavailable(&first));
    fleet.expect(1, &unavailable(&first));
    fleet.expect(1, &unavailable(&second));
    fleet.expect(1, &unavailable(&known));
    // This Envoy knows it without Redis.
    fleet.expect(0, &used(&known));
    for (envoy, failed) in [(0, 1), (1, 3)] {
        assert_eq!(failures(&fleet, envoy), [(outage.reason.to_owned(), failed)]);
        await_lines(&fleet, envoy, &[&format!("{BEGIN}{}", outage.because)]);
    }

    (outage.end)(redis, webdis);
    engine.revive();
    if outage.executes_later {
        // The writes were executed, and nobody got the answer.
        fleet.expect(1, &used(&first));
        fleet.expect(0, &used(&second));
    } else {
        fleet.expect(1, &accepted(&first));
        fleet.expect(0, &accepted(&second));
    }
    fleet.expect(0, &used(&first));
    fleet.expect(1, &used(&second));
    let by_other = if outage.remembers { used(&known) } else { accepted(&known) };
    fleet.expect(1, &by_other);
    fleet.expect(0, &used(&known));
    fleet.expect(0, &accepted(&later));
    fleet.expect(1, &used(&later));

    assert_eq!(stored(&engine), 4);
    for envoy in 0..2 {
        await_lines(&fleet, envoy, &[&format!("{BEGIN}{}", outage.because), END]);
    }
    fleet.assert_healthy(&[&known, &first, &second, &later]);
}
