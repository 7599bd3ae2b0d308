//! Keys and tokens, from the command line: what `keygen`, `sign`, `hash-password` and `serve` make, held against the
//! filter and against other people's software. Needs what `make test` sets: `JOSE_PYTHON` and `JOSE_COMMAND`; and
//! openssl.

mod command;
mod filter;
mod keygen;
mod libraries;
mod password;
mod pem;
mod serve;
mod sign;
