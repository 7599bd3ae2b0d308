//! What must hold of the filter for any input. Each module is one property, `holds(input)`, which panics when it does not.
//!
//! The fuzz targets of `tests/fuzz` call them with what libFuzzer makes up, `tests/properties.rs` with what proptest puts
//! together from the same dictionaries. An input is text where it can be, so that a person can read and write one: its
//! first byte chooses among a few configurations ([`world::Input`]).

pub mod config;
pub mod cookie;
pub mod decide;
pub mod form;
pub mod json;
mod parameters;
pub mod path;
pub mod query;
pub mod signature;
pub mod signed;
pub mod world;
