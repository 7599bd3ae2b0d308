//! What the filter does: the same rows and vectors against the core and against the module in real Envoys.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "a test may panic; a request may not"
)]

mod live;
mod native;
mod vectors;
