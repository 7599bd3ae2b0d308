//! A model of the engines of `jtiStore`: etcd 3, and Redis 7 through Webdis. It is linearizable and forgets only what
//! has expired. It panics on a question that is not exactly what these engines are asked.
//!
//! It reads and writes its bytes itself, so that it shares no code with the filter.

pub mod protobuf;

use std::collections::BTreeMap;

use protobuf::{Field, bytes, number};

use crate::host::Headers;

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// etcd 3, through its gRPC.
    Etcd,
    /// Redis 7, through Webdis.
    Redis,
}

impl Kind {
    /// All engines.
    pub const ALL: [Self; 2] = [Self::Etcd, Self::Redis];

    /// The value of `kind` in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Redis => "redis",
        }
    }
}

/// An engine and what it has recorded.
#[derive(Clone, Debug)]
pub struct Engine {
    kind: Kind,
    records: BTreeMap<Vec<u8>, Record>,
    /// When each lease ends.
    leases: BTreeMap<i64, Millis>,
    revision: u64,
}

/// Milliseconds of the engine's own clock.
pub type Millis = u64;

#[derive(Clone, Debug)]
struct Record {
    value: Vec<u8>,
    expires: Expires,
}

#[derive(Clone, Debug)]
enum Expires {
    At(Millis),
    With(i64),
}

/// An HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// With `:status`.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// Empty for none.
    pub trailers: Headers,
}

/// What an engine is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// To create `key` with `value`, or else to read it.
    Record {
        /// The key.
        key: Vec<u8>,
        /// The value.
        value: Vec<u8>,
        /// For Redis, the seconds to live; for etcd, the lease.
        until: i64,
    },
    /// To grant a lease.
    Grant {
        /// Its ID.
        id: i64,
        /// How long it lives.
        seconds: u64,
    },
}

impl Question {
    /// Reads the call of a filter. Panics if it is not one.
    pub fn read(kind: Kind, path: &str, body: &[u8]) -> Self {
        match (kind, path) {
            (Kind::Redis, "/") => Self::read_command(std::str::from_utf8(body).expect("a command")),
            (Kind::Etcd, "/etcdserverpb.KV/Txn") => Self::read_transaction(unframe(body).expect("a frame")),
            (Kind::Etcd, "/etcdserverpb.Lease/LeaseGrant") => Self::read_grant(unframe(body).expect("a frame")),
            other => panic!("a call to {other:?}"),
        }
    }

    fn read_command(text: &str) -> Self {
        let words: Vec<Vec<u8>> = text.split('/').map(unescape).collect();
        let [set, key, value, nx, ex, seconds, get] = words.as_slice() else { panic!("{text}") };
        assert_eq!([set.as_slice(), nx, ex, get], [b"SET".as_slice(), b"NX", b"EX", b"GET"], "{text}");
        let until = std::str::from_utf8(seconds).expect("digits").parse().expect("seconds");
        assert!(until > 0, "{text}");
        Self::Record { key: key.clone(), value: value.clone(), until }
    }

    fn read_transaction(message: &[u8]) -> Self {
        let [(1, Field::Bytes(compare)), (2, Field::Bytes(success)), (3, Field::Bytes(failure))] = fields(message)[..]
        else {
            panic!("{message:x?}")
        };
        let ([(2, Field::Bytes(put))], [(1, Field::Bytes(range))]) = (&fields(success)[..], &fields(failure)[..])
        else {
            panic!("{message:x?}")
        };
        let [(1, Field::Bytes(key)), (2, Field::Bytes(value)), (3, Field::Number(lease))] = fields(put)[..] else {
            panic!("{put:x?}")
        };
        // The target of the comparison is the revision of the creation, and equal to 0.
        assert_eq!(compare, [number(2, 1), bytes(3, key), number(5, 0)].concat());
        assert_eq!(*range, bytes(1, key));
        Self::Record { key: key.to_vec(), value: value.to_vec(), until: lease as i64 }
    }

    fn read_grant(message: &[u8]) -> Self {
        let [(1, Field::Number(seconds)), (2, Field::Number(id))] = fields(message)[..] else { panic!("{message:x?}") };
        Self::Grant { id: id as i64, seconds }
    }
}

impl Engine {
    /// An engine without records.
    pub fn new(kind: Kind) -> Self {
        Self { kind, records: BTreeMap::new(), leases: BTreeMap::new(), revision: 1 }
    }

    /// Does what a call asks, at the time `now`, and answers it.
    pub fn answer(&mut self, path: &str, body: &[u8], now: Millis) -> Answer {
        self.expire(now);
        self.revision += 1;
        match (self.kind, Question::read(self.kind, path, body)) {
            (Kind::Redis, Question::Record { key, value, until }) => {
                let seconds = u64::try_from(until).expect("a positive time");
                let found = self.record(key, value, Expires::At(now + seconds * 1000));
                let found = found.map(|value| String::from_utf8(value).expect("a value that is text"));
                json(&format!("{{\"SET\":{}}}", found.map_or("null".to_owned(), |value| format!("\"{value}\""))))
            }
            (Kind::Etcd, Question::Record { key, value, until: lease }) => {
                if !self.records.contains_key(&key) && !self.leases.contains_key(&lease) {
                    return grpc_error(5, "etcdserver: requested lease not found");
                }
                let found = self.record(key.clone(), value, Expires::With(lease));
                self.transacted(&key, found.as_deref(), lease)
            }
            (_, Question::Grant { id, seconds }) => {
                assert!(id > 0 && seconds > 0, "lease {id} for {seconds} s");
                if self.leases.contains_key(&id) {
                    return grpc_error(9, "etcdserver: lease already exists");
                }
                self.leases.insert(id, now + seconds * 1000);
                grpc(&[bytes(1, &self.header()), number(2, id as u64), number(3, seconds)].concat())
            }
        }
    }

    /// Records a key as another client would, if it is not there.
    pub fn insert(&mut self, key: &[u8], value: &[u8], until: Millis) {
        self.record(key.to_vec(), value.to_vec(), Expires::At(until));
    }

    /// The value of a key, or `None` if it has none.
    pub fn value(&mut self, key: &[u8], now: Millis) -> Option<&[u8]> {
        self.expire(now);
        self.records.get(key).map(|record| record.value.as_slice())
    }

    /// Records `value`, or returns the value that is there.
    fn record(&mut self, key: Vec<u8>, value: Vec<u8>, expires: Expires) -> Option<Vec<u8>> {
        let found = self.records.get(&key).map(|record| record.value.clone());
        if found.is_none() {
            self.records.insert(key, Record { value, expires });
        }
        found
    }

    fn expire(&mut self, now: Millis) {
        let Self { records, leases, .. } = self;
        leases.retain(|_, end| *end > now);
        records.retain(|_, record| match record.expires {
            Expires::At(end) => end > now,
            Expires::With(lease) => leases.contains_key(&lease),
        });
    }

    fn header(&self) -> Vec<u8> {
        [number(1, 7), number(2, 8), number(3, self.revision), number(4, 2)].concat()
    }

    fn transacted(&self, key: &[u8], found: Option<&[u8]>, lease: i64) -> Answer {
        let header = bytes(1, &self.header());
        let of_response = bytes(1, &number(3, self.revision));
        grpc(&match found {
            None => [header, number(2, 1), bytes(3, &bytes(2, &of_response))].concat(),
            Some(value) => {
                let pair =
                    [bytes(1, key), number(2, 3), number(3, 3), number(4, 1), bytes(5, value), number(6, lease as u64)];
                let range = [of_response, bytes(2, &pair.concat()), number(4, 1)].concat();
                [header, bytes(3, &bytes(1, &range))].concat()
            }
        })
    }
}

/// A response of Webdis.
pub fn json(body: &str) -> Answer {
    let headers = owned(&[(":status", "200"), ("content-type", "application/json")]);
    Answer { headers, body: body.as_bytes().to_vec(), trailers: Vec::new() }
}

/// A gRPC response with one message.
pub fn grpc(message: &[u8]) -> Answer {
    let headers = owned(&[(":status", "200"), ("content-type", "application/grpc")]);
    let length = u32::try_from(message.len()).expect("a short message");
    let body = [&[0], &length.to_be_bytes()[..], message].concat();
    Answer { headers, body, trailers: owned(&[("grpc-status", "0"), ("grpc-message", "")]) }
}

/// A gRPC response with an error.
pub fn grpc_error(status: u8, message: &str) -> Answer {
    let status = status.to_string();
    let headers = owned(&[
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-status", &status),
        ("grpc-message", message),
    ]);
    Answer { headers, body: Vec::new(), trailers: Vec::new() }
}

/// The message in a gRPC body that has exactly one, not compressed.
pub fn unframe(body: &[u8]) -> Option<&[u8]> {
    let (header, message) = body.split_first_chunk::<5>()?;
    let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
    (header[0] == 0 && length as usize == message.len()).then_some(message)
}

fn fields(message: &[u8]) -> Vec<(u64, Field<'_>)> {
    protobuf::read(message).unwrap_or_else(|| panic!("no message: {message:x?}"))
}

fn unescape(word: &str) -> Vec<u8> {
    let mut parts = word.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
        bytes.extend(rest.bytes());
    }
    // Webdis takes an ending such as `.txt` for a format.
    assert!(!word.contains('.'), "{word}");
    bytes
}

fn owned(headers: &[(&str, &str)]) -> Headers {
    headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}
