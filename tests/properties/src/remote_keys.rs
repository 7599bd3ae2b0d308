//! Keys from a URL, fetched by several workers of a process: whatever comes back, and in whatever order, only keys of
//! good answers verify tokens, a valid set stays in use, no fetch is made too often, and no request waits too long.
//!
//! Input: a digit for the configuration, and one for whether others write in the shared data; then steps. A step is a
//! letter and digits:
//!
//! - `tD`: time passes. `bD`: the clock is set back, if others write in the shared data.
//! - `pW`: a worker is polled.
//! - `gWS`, `mWSA`: the oldest call of a worker gets a good answer: set S, with a `max-age`.
//! - `fWN`: it gets an answer that is not good.
//! - `oWN`: a call that was answered gets another answer.
//! - `qW`: another call of the worker is now the oldest.
//! - `rWKI`: a worker decides on a request with a token: its kind, issuer and key.
//! - `eW`, `xW`: a worker is replaced after it has given up its fetches, or without that. Its calls are not answered.
//! - `d...`: others write in the shared data.

mod issuer;
mod model;
mod process;
mod shared;
mod worker;

use process::Process;

use crate::world::Input;

/// The most steps of an input.
const MAX_STEPS: usize = 300;

/// The property.
pub fn holds(input: &[u8]) {
    let mut input = Input::new(input);
    let case = input.choice(worker::CASES);
    let is_damaged = input.choice(2) == 1;
    let mut process = Process::new(case, is_damaged);
    for _ in 0..MAX_STEPS {
        let Some(step) = input.byte() else { break };
        process.step(step, &mut input);
    }
    process.recover();
}
