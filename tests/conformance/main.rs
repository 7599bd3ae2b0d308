//! What the filter does: the same rows and vectors natively against the core and against the module in real Envoys.

mod live;
mod native;
mod vectors;
