//! What the filter forwards, read by the parsers that backends use: none of them may find the client's value where the
//! filter's belongs. The parsers run as child processes from the folder `READERS`, which `tools/scripts/readers.sh` makes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "a test may panic; a request may not"
)]

mod ask;
mod bodies;
mod generate;
mod go;
mod names;
#[path = "../fuzz/src/world.rs"]
pub mod world;
