//! `make bench`: measures the CPU time of Envoy for a request, with this filter and with alternatives.
//!
//! One Envoy has one worker and a listener for each variant. In each turn, `wrk` sends requests to all variants, one
//! after another. The result is the median of the turns. There is no backend: Envoy responds itself, so that nothing
//! else is measured. The variants with `jtiStore` have a table of their own: [`jti_store`].

mod bare;
mod cpu;
mod engines;
mod jti_store;
mod load;
mod measure;
mod median;
mod memory;
mod plot;
mod proxy;
mod report;
mod sample;
mod settings;
mod target;
mod tokens;
mod variant;

use std::process::ExitCode;

use settings::Settings;

fn main() -> ExitCode {
    let done = Settings::from_environment().and_then(|settings| {
        let results = measure::run(&settings)?;
        report::write(&settings, &results)
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}
