//! `make bench`: the price of a request, in CPU time of Envoy, with this filter and with what it competes with.
//!
//! One Envoy with one worker and a listener for each variant; `wrk` sends each the same number of requests, all variants in
//! turns, many turns; medians count. Nothing stands behind Envoy: it answers itself, so that nothing else is measured.

mod load;
mod measure;
mod median;
mod memory;
mod plot;
mod proxy;
mod report;
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
