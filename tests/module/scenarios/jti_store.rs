//! An engine is asked about a `jti`: requests that wait for its answer, and each answer.

mod answers;
mod cold_start;
mod contexts;
mod failing;
mod metrics;
mod orders;
mod proofs;
mod setup;
