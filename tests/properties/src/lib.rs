//! Properties that the filter must have for any input. Each module is one property, `holds(input)`, which panics if the
//! filter does not have it.
//!
//! The fuzz targets of `tests/fuzz` call them with inputs from libFuzzer. `tests/properties.rs` calls them with inputs
//! that proptest makes from the same dictionaries. Inputs are text where possible, so that people can read and write
//! them. The first byte selects one of a few configurations ([`world::Input`]).

mod bound;
pub mod challenge;
pub mod config;
pub mod cookie;
pub mod decide;
pub mod form;
pub mod htu;
pub mod json;
pub mod jti_reply;
pub mod jti_store;
pub mod jwk_set;
mod parameters;
pub mod path;
pub mod proof;
pub mod query;
pub mod remote_keys;
pub mod signature;
pub mod signed;
pub mod world;
