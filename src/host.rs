//! The filter as a proxy-wasm module. It reads each request and the time, lets [`crate::plugin`] decide, and then
//! applies the edits or sends the rejection. It has no rules about JWTs.

mod body;
mod calls;
mod counters;
mod edits;
mod engine_metrics;
mod exchange;
mod filter;
mod key_calls;
mod key_metrics;
mod notice;
mod received;
mod request;
mod response;
mod root;
mod services;
mod ticker;
mod waiting;

use proxy_wasm::traits::RootContext;
use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|id| -> Box<dyn RootContext> { Box::new(root::Root::new(id)) });
}}
