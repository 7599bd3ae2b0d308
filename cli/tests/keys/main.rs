//! Tests the keys and tokens of `keygen`, `sign`, `hash-password` and `serve` with the filter and with independent
//! software. Needs openssl, and the variables `JOSE_PYTHON` and `JOSE_COMMAND` that `make test` sets.

mod command;
mod dpop;
mod filter;
mod keygen;
mod libraries;
mod password;
mod pem;
mod serve;
mod sign;
