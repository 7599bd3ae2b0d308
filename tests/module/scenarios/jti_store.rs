//! An engine is asked about a `jti`: requests that wait for its answer, and each answer.

mod orders;
mod setup;
