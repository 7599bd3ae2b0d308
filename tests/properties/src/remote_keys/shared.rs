//! The shared data of a process, in which others can write.

use std::cell::{Cell, RefCell};

use jwt_auth::{Conflict, SharedData};
use kit::host::Memory;

use crate::world::Input;

/// Shared data that can be damaged.
#[derive(Default)]
pub(super) struct Shared {
    memory: Memory,
    /// Every value that was written, with its key.
    history: RefCell<Vec<(String, Vec<u8>)>>,
    /// How many more reads and writes fail.
    failing_reads: Cell<usize>,
    failing_writes: Cell<usize>,
}

/// Numbers that a record could have where they do harm.
const NUMBERS: [u64; 8] = [0, 1, 1_000, 60_000, u32::MAX as u64, 1 << 41, u64::MAX - 1, u64::MAX];

impl Shared {
    /// Damages a value, or lets the host fail, as the input says.
    pub(super) fn damage(&self, input: &mut Input, now: u64) {
        let way = input.choice(7);
        let (at, with) = (input.choice(75), input.choice(75));
        let written = self.history.borrow().last().cloned();
        let Some((key, mut value)) = written else { return };
        match way {
            0 => value.truncate(at),
            1 => {
                let place = at % value.len().max(1);
                if let Some(byte) = value.get_mut(place) {
                    *byte ^= 1 << (with % 8);
                }
            }
            2 => value = self.history.borrow().iter().rev().nth(at).map_or(Vec::new(), |(_, value)| value.clone()),
            3 => value = vec![with as u8; at],
            4 => {
                let number = match with % 16 {
                    number @ 0..8 => NUMBERS[number],
                    number => now.wrapping_add((number as u64).wrapping_sub(11).wrapping_mul(20_000)),
                };
                let place = 1 + 8 * (at % 7);
                if let Some(bytes) = value.get_mut(place..place + 8) {
                    bytes.copy_from_slice(&number.to_le_bytes());
                }
            }
            5 => return self.failing_reads.set(at % 8),
            _ => return self.failing_writes.set(at % 16),
        }
        let version = self.memory.get(&key).map_or(u32::MAX, |(_, version)| version);
        self.memory.set(&key, &value, version).expect("nobody else writes");
    }

    /// Ends all failures.
    pub(super) fn heal(&self) {
        self.failing_reads.set(0);
        self.failing_writes.set(0);
    }
}

impl SharedData for Shared {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        if let Some(left) = self.failing_reads.get().checked_sub(1) {
            self.failing_reads.set(left);
            return None;
        }
        self.memory.get(key)
    }

    fn set(&self, key: &str, value: &[u8], expected: u32) -> Result<(), Conflict> {
        if let Some(left) = self.failing_writes.get().checked_sub(1) {
            self.failing_writes.set(left);
            return Err(Conflict);
        }
        self.memory.set(key, value, expected)?;
        self.history.borrow_mut().push((key.to_owned(), value.to_vec()));
        Ok(())
    }
}
