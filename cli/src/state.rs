//! Runs the filter outside of Envoy.

use std::cell::RefCell;
use std::collections::HashMap;

use jwt_auth::{Conflict, Edits, Header, Host, NumericDate, Plugin, Rejection, Request, SharedData};

/// Shared data in memory; it is empty at first.
#[derive(Debug, Default)]
pub(crate) struct Memory(RefCell<HashMap<String, (Vec<u8>, u32)>>);

impl Memory {
    /// Whether nothing was stored.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

impl SharedData for Memory {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.0.borrow().get(key).cloned()
    }

    fn set(&self, key: &str, value: &[u8], expected: u32) -> Result<(), Conflict> {
        let mut values = self.0.borrow_mut();
        let next = match values.get(key) {
            Some((_, version)) if *version == expected => version.saturating_add(1),
            Some(_) => return Err(Conflict),
            None => 1,
        };
        values.insert(key.to_owned(), (value.to_vec(), next));
        Ok(())
    }
}

/// Whether the filter finds a token in a request of these headers (as for [`decide`]).
pub(crate) fn finds_token(plugin: &Plugin, headers: &[(String, Vec<u8>)]) -> bool {
    plugin.finds_token(Request::new(&borrowed(headers)))
}

/// The length of the token of such a request in bytes; `None` if there is none, or several.
pub(crate) fn token_length(plugin: &Plugin, headers: &[(String, Vec<u8>)]) -> Option<usize> {
    plugin.token_length(Request::new(&borrowed(headers)))
}

/// The filter's decision on a request of these headers (pseudo headers included, names in lower case).
pub(crate) fn decide(
    plugin: &Plugin,
    headers: &[(String, Vec<u8>)],
    has_body: bool,
    now: NumericDate,
    host: Host,
) -> Result<Edits, Rejection> {
    let headers = borrowed(headers);
    let request = Request::new(&headers);
    plugin.decide(if has_body { request.with_body() } else { request }, now, host)
}

fn borrowed(headers: &[(String, Vec<u8>)]) -> Vec<Header<'_>> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
}
