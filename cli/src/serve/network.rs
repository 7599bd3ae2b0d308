//! Who a client is, as far as its address tells, and how many connections it may hold.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What one machine can send from: an IPv4 address, or the /64 of an IPv6 address, which one machine has whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(IpAddr);

impl Network {
    /// The network of an address; an IPv4 address in IPv6 form is taken for itself.
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The connections of each network, so that none has them all.
pub(super) struct Shares {
    limit: usize,
    held: Mutex<HashMap<Network, usize>>,
}

/// One connection of a network, until it is dropped.
pub(super) struct Share {
    shares: Arc<Shares>,
    network: Network,
}

impl Shares {
    /// At most `limit` connections for each network.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, held: Mutex::new(HashMap::new()) })
    }

    /// One more connection for a network; `None` while it holds as many as it may.
    pub(super) fn take(self: &Arc<Self>, network: Network) -> Option<Share> {
        let mut held = self.held();
        let count = held.entry(network).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Share { shares: Arc::clone(self), network })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Network, usize>> {
        // The counts are whole after each line of this file.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held();
        if let Some(count) = held.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn network(last: u8) -> Network {
        Network::of(Ipv4Addr::new(192, 0, 2, last).into())
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_a_mapped_address_as_itself() {
        let [one, other, far] = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"]
            .map(|text| Network::of(text.parse::<Ipv6Addr>().expect("an address").into()));
        assert_eq!(one, other);
        assert_ne!(one, far);
        let mapped = Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped();
        assert_eq!(Network::of(mapped.into()), network(1));
        assert_ne!(network(1), network(2));
    }

    #[test]
    fn a_network_holds_its_share_and_no_more_and_leaves_nothing_behind() {
        let shares = Shares::new(2);
        let mut held: Vec<_> = (0..3).map(|_| shares.take(network(1))).collect();
        assert_eq!(held.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
        let other = shares.take(network(2));
        assert!(other.is_some());
        held.remove(0);
        let again: Vec<_> = (0..2).map(|_| shares.take(network(1))).collect();
        assert_eq!(again.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
        drop((held, again, other));
        assert!(shares.held().is_empty());
    }
}
