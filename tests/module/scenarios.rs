//! What the shipped module does while keys are fetched: with requests that wait, with each reply and without one, with
//! several workers, and when the configuration or the clock changes meanwhile.

mod bounds;
mod clock;
mod discovery;
mod failing;
mod forms;
mod metrics;
mod records;
mod replies;
mod rotation;
mod setup;
mod start;
mod unknown_kids;
mod updates;
mod workers;
