//! Tests of the test kit itself.

mod cluster;
mod echo;
mod engine_model;
mod engines;
mod envoy;
mod http2;
mod issuer;
mod key_server;
mod relay;
mod tls;
