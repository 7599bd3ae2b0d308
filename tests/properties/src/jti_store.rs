//! Used `jti`s in an engine, asked by several processes of several workers: whatever happens to calls and answers, a token
//! is accepted once, and only when the engine has recorded it for that request.
//!
//! The engine is a linearizable model. Answers are lost, late or damaged, calls take effect although they are lost, also
//! after the request was rejected, and more than once; processes and workers are replaced; clocks differ by up to a
//! minute; random bytes are missing.
//!
//! Input: a digit for the configuration; then steps. A step is a letter and digits:
//!
//! - `rPWT`: a worker of a process gets a request with a token.
//! - `eF`: the engine does what the call of a request asks. The answer is under way.
//! - `aF`: the answer arrives.
//! - `lFK`: it is lost, and something arrives that is no answer.
//! - `dFKA`: it arrives damaged.
//! - `zC`: the engine does what an old call asks.
//! - `tD`: time passes. `uPT`: it passes until shortly before a process takes a token for expired. `sD`: it passes, but the
//!   workers are busy and notice it only afterwards, so that answers can come too late.
//! - `cPD`: a clock is set.
//! - `nP`, `wPW`: a process, or a worker, is replaced.
//! - `f`: there are no random bytes for the next question.

mod checks;
mod fleet;
mod flight;
mod process;
mod replies;
mod tokens;

use fleet::Fleet;

use crate::world::Input;

/// The most steps of an input.
const MAX_STEPS: usize = 300;

/// The property.
pub fn holds(input: &[u8]) {
    let mut input = Input::new(input);
    let mut fleet = Fleet::new(input.choice(fleet::CASES));
    for _ in 0..MAX_STEPS {
        let Some(step) = input.byte() else { break };
        fleet.step(step, &mut input);
    }
    fleet.recover();
}
