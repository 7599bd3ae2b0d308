//! The test kit itself: what it sends, answers, signs and starts.

mod echo;
mod envoy;
mod http2;
mod issuer;
