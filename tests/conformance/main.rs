//! Runs the rows and the vectors natively against the core, and against the module in real Envoys.

mod live;
mod native;
mod proofs;
mod vectors;
