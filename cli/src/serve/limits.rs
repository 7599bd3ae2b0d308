//! What one client can ask for: tokens per time, and connections.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota};

/// How many requests for a token one client can send at once, with right and wrong passwords alike. Then it can send
/// one every [`INTERVAL`]. A legitimate client needs one request for the lifetime of a token.
const BURST: NonZeroU32 = NonZeroU32::new(30).unwrap();

/// The time after which a client can send one more request for a token.
const INTERVAL: Duration = Duration::from_secs(2);

/// How many connections one client can have open.
const MAX_CONNECTIONS_PER_CLIENT: usize = 128;

/// A client, as far as an address tells: an IPv4 address, or the /64 network of an IPv6 address, which usually belongs
/// to one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Client(IpAddr);

impl Client {
    /// The client with this address. An IPv4 address in IPv6 form counts as IPv4.
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// Limits how often each client can ask for a token, and so how often it can guess a password.
pub(super) struct RateLimit(DefaultKeyedRateLimiter<Client>);

impl RateLimit {
    /// No requests so far.
    pub(super) fn new() -> Self {
        let quota = Quota::with_period(INTERVAL).expect("not zero").allow_burst(BURST);
        Self(DefaultKeyedRateLimiter::keyed(quota))
    }

    /// Counts one request.
    ///
    /// # Errors
    /// The time to wait, if the client has sent too many. Such a request does not count.
    pub(super) fn count(&self, address: IpAddr) -> Result<(), Duration> {
        let now = self.0.clock().now();
        self.0.check_key(&Client::of(address)).map_err(|denied| denied.wait_time_from(now))
    }

    /// Frees the memory of clients that could send a full burst again.
    pub(super) fn forget_idle_clients(&self) {
        self.0.retain_recent();
        self.0.shrink_to_fit();
    }
}

/// The open connections of each client, so that one client can't use up all of them.
#[derive(Default)]
pub(super) struct OpenConnections(HashMap<Client, Arc<()>>);

/// One open connection; it stops counting when this is dropped.
pub(super) struct OpenConnection {
    _counted: Arc<()>,
}

impl OpenConnections {
    /// Counts one more connection; `None` if the client already has as many as it can.
    pub(super) fn open(&mut self, address: IpAddr) -> Option<OpenConnection> {
        self.0.retain(|_, connections| Arc::strong_count(connections) > 1);
        let connections = self.0.entry(Client::of(address)).or_default();
        (Arc::strong_count(connections) <= MAX_CONNECTIONS_PER_CLIENT)
            .then(|| OpenConnection { _counted: Arc::clone(connections) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_ipv6_network_is_one_client_and_a_mapped_address_is_its_ipv4_address() {
        let client = |text| Client::of(address(text));
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
    }

    #[test]
    fn a_client_has_a_burst_and_then_waits_for_one_interval_and_others_do_not_wait() {
        let limit = RateLimit::new();
        let count = |text: &str| (0..100).take_while(|_| limit.count(address(text)).is_ok()).count();
        assert_eq!([count("192.0.2.1"), count("192.0.2.1"), count("192.0.2.2")], [30, 0, 30]);
        let wait = limit.count(address("192.0.2.1")).expect_err("no request left");
        assert!(wait <= INTERVAL && wait > INTERVAL / 2, "{wait:?}");
        limit.forget_idle_clients();
        assert!(limit.count(address("192.0.2.1")).is_err(), "it is not idle");
    }

    #[test]
    fn a_client_has_its_share_of_the_connections_and_leaves_nothing_behind() {
        let mut connections = OpenConnections::default();
        let mut open: Vec<_> = (0..=MAX_CONNECTIONS_PER_CLIENT).map(|_| connections.open(address("::1"))).collect();
        assert_eq!(open.iter().flatten().count(), MAX_CONNECTIONS_PER_CLIENT);
        assert!(connections.open(address("192.0.2.1")).is_some());
        open.remove(0);
        open.push(connections.open(address("::1")));
        assert!(open.last().is_some_and(Option::is_some) && connections.open(address("::1")).is_none());
        drop(open);
        assert!(connections.open(address("192.0.2.1")).is_some());
        assert_eq!(connections.0.len(), 1);
    }
}
