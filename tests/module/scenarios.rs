//! What the shipped module does while it waits for an answer: while keys are fetched, with requests that wait, with each
//! reply and without one, with several workers, and when the configuration or the clock changes meanwhile; and the same
//! while an engine is asked about a `jti`.

mod bounds;
mod clock;
mod discovery;
mod failing;
mod forms;
mod jti_store;
mod metrics;
mod records;
mod replies;
mod resource_server;
mod rotation;
mod setup;
mod start;
mod unknown_kids;
mod updates;
mod workers;
