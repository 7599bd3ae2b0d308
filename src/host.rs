//! The filter as a proxy-wasm module: bytes and the time in, edits or a refusal out. Nothing here knows what a JWT is.

mod calls;
mod counters;
mod filter;
mod notice;
mod request;
mod root;
mod services;

use proxy_wasm::traits::RootContext;
use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(root::Root::default()) });
}}
