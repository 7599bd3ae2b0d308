//! Answers that come after the filter has asked again.

use std::thread;
use std::time::{Duration, Instant};

use kit::engines::{EngineProcess, Persistence};

use crate::checks::{failures, stored};
use crate::record::newest_envoy;
use crate::setup::{Engine, Fleet, Settings, accepted, used};

/// `timeoutMilliseconds`. The first attempt takes half of it.
const TIMEOUT: Duration = Duration::from_millis(5000);

/// The part of it in which the engine is suspended: the first attempt and some of the second.
const SUSPENDED: Duration = Duration::from_millis(2900);

#[test]
fn a_request_whose_answer_comes_late_finds_its_own_write() {
    for engine in [Engine::etcd(1), Engine::redis(Persistence::Nothing)] {
        // Each of Redis and Webdis alone.
        for process in engine.processes() {
            let fleet = Fleet::start(&newest_envoy(), &engine, &Settings { workers: 1, ..Settings::default() });
            let (warm, late) = (fleet.token("warm"), fleet.token("late"));
            fleet.expect(0, &accepted(&warm));
            let before = stored(&engine);
            let took = while_suspended(process, || fleet.expect(0, &accepted(&late)));
            assert!(took >= SUSPENDED && took < TIMEOUT + Duration::from_secs(2), "{took:?}");
            assert_eq!(stored(&engine), before + 1);
            fleet.expect(1, &used(&late));
            fleet.expect(0, &used(&late));
            assert_eq!(failures(&fleet, 0), []);
            let counted = fleet.counted(0);
            assert!(counted["calls"] > counted["asked"], "{counted:?}");
            println!("{}: accepted after {took:?}, {counted:?}", engine.kind());
            fleet.assert_healthy(&[&warm, &late]);
        }
    }
}

/// Suspends a process for a while, in which `send` begins. How long `send` took.
fn while_suspended(process: &EngineProcess, send: impl FnOnce()) -> Duration {
    process.stop();
    let begin = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SUSPENDED);
            process.cont();
        });
        send();
        begin.elapsed()
    })
}
