//! The answer of an engine, byte by byte: only one that is exactly right decides, as another reader of JSON and Protocol
//! Buffers says.
//!
//! Input: a digit for HTTP status and gRPC status; then the body, in which `OWN` stands for the value of the request, and
//! `ID` for the lease as a varint. It answers each question.

use std::rc::Rc;

use jwt_auth::{Ask, Call, Decision, Header, Host, MAX_ANSWER_BYTES, NumericDate, Plugin, Reply, Request};
use kit::engine_model::protobuf::{self, Field};
use kit::engine_model::{Kind, Question, unframe};
use kit::host::Memory;
use serde_json::{Value, json};

use crate::json::Json;
use crate::world::{self, Input, NOW};

/// What follows from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Won,
    Lost,
    /// The lease must be granted.
    LeaseMissing,
    /// The lease exists.
    Granted,
    /// It is no answer.
    Nothing,
}

/// The engine, whether the question is the last one of a request for a lease or the first one of a request, and whether the
/// input is put into a frame of gRPC.
const QUESTIONS: [(Kind, bool, bool); 5] = [
    (Kind::Redis, false, false),
    (Kind::Etcd, false, true),
    (Kind::Etcd, true, true),
    (Kind::Etcd, false, false),
    (Kind::Etcd, true, false),
];

/// `:status`, `grpc-status` in a header, and in a trailer.
const STATUSES: [[Option<&str>; 3]; 16] = [
    [Some("200"), None, Some("0")],
    [Some("200"), None, Some("0")],
    [Some("200"), None, Some("0")],
    [Some("200"), Some("0"), None],
    [Some("200"), Some("5"), None],
    [Some("200"), None, Some("9")],
    [Some("200"), None, Some("14")],
    [Some("200"), None, None],
    [Some("200"), None, Some("00")],
    [Some("200"), Some("0"), Some("5")],
    [Some("200"), Some("5"), Some("0")],
    [Some("503"), None, Some("0")],
    [Some("201"), None, Some("0")],
    [Some("0200"), None, Some("0")],
    [Some("200 "), None, Some("0")],
    [None, None, Some("0")],
];

/// The property.
pub fn holds(input: &[u8]) {
    let mut input = Input::new(input);
    let status = STATUSES[input.choice(STATUSES.len())];
    for question in QUESTIONS {
        if [Meaning::Lost, Meaning::Won, Meaning::Granted].contains(&check(question, status, input.rest())) {
            // The same answer with each status, and with a field or white space that makes it too long.
            for status in STATUSES {
                check(question, status, input.rest());
            }
            let (kind, ..) = question;
            let more = match kind {
                Kind::Etcd => protobuf::bytes(15, &[0; MAX_ANSWER_BYTES]),
                Kind::Redis => vec![b' '; MAX_ANSWER_BYTES],
            };
            check(question, status, &[input.rest(), &more].concat());
        }
    }
}

/// Checks what the filter makes of one answer, and returns it.
fn check(question: (Kind, bool, bool), status: [Option<&'static str>; 3], input: &[u8]) -> Meaning {
    let ((kind, is_grant, is_framed), [status, in_header, in_trailer]) = (question, status);
    let asked = Asked::begin(kind, is_grant);
    let mut body = asked.fill(input);
    if is_framed {
        body = [&[0], &(body.len() as u32).to_be_bytes()[..], &body].concat();
    }
    let header = |name, value: Option<&'static str>| value.map(|value| (name, value.as_bytes()));
    let headers: Vec<Header> =
        [header(":status", status), header("grpc-status", in_header)].into_iter().flatten().collect();
    let trailers: Vec<Header> = header("grpc-status", in_trailer).into_iter().collect();
    let (own, lease) = (asked.own.clone(), asked.lease);
    let found = asked.answer(Reply::Answer { headers: &headers, body: &body, trailers: &trailers });

    let is_whole = body.len() <= MAX_ANSWER_BYTES;
    let expected = match (kind, in_trailer.or(in_header)) {
        _ if status != Some("200") => Some(Meaning::Nothing),
        (Kind::Redis, _) if is_whole => Some(read_json(&body, &own)),
        (Kind::Etcd, Some("5")) if !is_grant => Some(Meaning::LeaseMissing),
        (Kind::Etcd, Some("9")) if is_grant => Some(Meaning::Granted),
        (Kind::Etcd, Some("0")) if is_whole => match unframe(&body) {
            Some(message) if is_grant => read_grant(message, lease),
            Some(message) => read_transaction(message, own.as_bytes()),
            None => Some(Meaning::Nothing),
        },
        _ => Some(Meaning::Nothing),
    };
    match expected {
        Some(expected) => assert_eq!(found, expected, "{}", body.escape_ascii()),
        // A field that counts once is there twice.
        None => assert!(found != Meaning::Won || is_like_won(&body, own.as_bytes()), "{}", body.escape_ascii()),
    }
    found
}

/// A request that waits for an answer.
struct Asked {
    plugin: Rc<Plugin>,
    memory: Memory,
    ask: Box<Ask>,
    own: String,
    /// The lease that is to be granted.
    lease: i64,
}

impl Asked {
    /// A request that has sent its first call, or the last one that it makes for a lease.
    fn begin(kind: Kind, is_grant: bool) -> Self {
        let (plugin, memory) = (plugin(kind), Memory::default());
        let token = world::token(&json!({})).expect("a token");
        let decision = plugin.decide(Request::new(&[("t", token.as_bytes())]), now(), host(&memory));
        let Decision::Ask(ask) = decision else { panic!("{decision:?}") };
        let Question::Record { value, until: lease, .. } = question(kind, &ask) else { panic!("a lease") };
        let own = String::from_utf8(value).expect("text");
        let mut asked = Self { plugin, memory, ask, own, lease };
        if is_grant {
            // The last attempt finds that the lease is missing.
            let trailers: [Header; 1] = [("grpc-status", b"5")];
            let missing = Reply::Answer { headers: &[(":status", b"200")], body: b"", trailers: &trailers };
            for reply in [Reply::NoAnswer, Reply::NoAnswer, missing] {
                let decision = asked.plugin.answer(*asked.ask, reply, now(), host(&asked.memory));
                let Decision::Ask(next) = decision else { panic!("{decision:?}") };
                asked.ask = next;
            }
            let Question::Grant { id, .. } = question(kind, &asked.ask) else { panic!("no lease") };
            assert_eq!(id, lease);
        }
        asked
    }

    /// The body of an input.
    fn fill(&self, text: &[u8]) -> Vec<u8> {
        let mut filled = Vec::new();
        let mut rest = text;
        while let Some(&first) = rest.first() {
            if let Some(after) = rest.strip_prefix(b"OWN") {
                filled.extend(self.own.bytes());
                rest = after;
            } else if let Some(after) = rest.strip_prefix(b"ID") {
                filled.extend(&protobuf::number(2, self.lease as u64)[1..]);
                rest = after;
            } else {
                filled.push(first);
                rest = &rest[1..];
            }
        }
        filled
    }

    /// What the filter makes of an answer.
    fn answer(self, reply: Reply) -> Meaning {
        let Call { headers, body, .. } = self.ask.call.clone();
        let is_grant = path(&self.ask.call) == "/etcdserverpb.Lease/LeaseGrant";
        match self.plugin.answer(*self.ask, reply, now(), host(&self.memory)) {
            Decision::Forward(_) => Meaning::Won,
            Decision::Reject(rejection) if rejection.code() == "S403JU" => Meaning::Lost,
            Decision::Reject(rejection) => {
                assert!(is_grant && rejection.code() == "S503JS", "{rejection:?}");
                Meaning::Nothing
            }
            Decision::Ask(ask) if is_grant => {
                assert_eq!(path(&ask.call), "/etcdserverpb.KV/Txn");
                Meaning::Granted
            }
            Decision::Ask(ask) if ask.call.headers == headers => {
                assert_eq!(ask.call.body, body);
                Meaning::Nothing
            }
            Decision::Ask(ask) => {
                assert_eq!(path(&ask.call), "/etcdserverpb.Lease/LeaseGrant");
                Meaning::LeaseMissing
            }
            other @ (Decision::Respond(_) | Decision::Wait(_)) => panic!("{other:?}"),
        }
    }
}

/// A filter that asks this engine. It is made once for all inputs, as what it remembers does not matter here.
fn plugin(kind: Kind) -> Rc<Plugin> {
    thread_local! {
        static PLUGINS: [Rc<Plugin>; 2] = Kind::ALL.map(|kind| Rc::new(world::plugin(json!({
            "parameter": "t", "parameterLocation": "header", "preventJtiReplay": true,
            "jtiStore": {"kind": kind.name(), "cluster": "engine"},
        }))));
    }
    PLUGINS.with(|plugins| Rc::clone(&plugins[usize::from(kind == Kind::ALL[1])]))
}

fn question(kind: Kind, ask: &Ask) -> Question {
    Question::read(kind, path(&ask.call), &ask.call.body)
}

fn path(call: &Call) -> &str {
    call.header(":path").expect("a path")
}

fn now() -> NumericDate {
    NumericDate::from_unix_seconds(f64::from(NOW))
}

fn host(memory: &Memory) -> Host<'_> {
    Host { shared_data: memory, signatures: None, random: || Some([0x5a; 16]) }
}

/// Reads an answer of Webdis, twice.
fn read_json(body: &[u8], own: &str) -> Meaning {
    let meaning = match Json::object(body, 100).as_deref() {
        Some([(name, Json::Null)]) if name == "SET" => Meaning::Won,
        Some([(name, Json::String(text))]) if name == "SET" && text == own => Meaning::Won,
        Some([(name, Json::String(text))]) if name == "SET" && !text.is_empty() => Meaning::Lost,
        _ => Meaning::Nothing,
    };
    let value: Option<Value> = serde_json::from_slice(body).ok();
    let says_won = value == Some(json!({"SET": null})) || value == Some(json!({"SET": own}));
    assert!(meaning != Meaning::Won || says_won);
    meaning
}

/// Reads an answer to a transaction. `None` if a field that counts once is there twice, or if there is a group.
fn read_transaction(message: &[u8], own: &[u8]) -> Option<Meaning> {
    let Some(fields) = protobuf::read(message) else { return Some(Meaning::Nothing) };
    let has_succeeded = match once(&fields, 2)? {
        Some(Field::Number(number)) => number != 0,
        Some(_) => return Some(Meaning::Nothing),
        None => false,
    };
    let responses: Vec<_> = fields.iter().filter(|(number, _)| *number == 3).collect();
    let mut messages = Vec::new();
    for (_, response) in &responses {
        let Some(fields) = message_in(response) else { return Some(Meaning::Nothing) };
        let (range, put) = (once(&fields, 1)?, once(&fields, 2)?);
        if range.is_some() && put.is_some() {
            return None;
        }
        let range_value = match range.map(|range| read_range(&range)) {
            Some(value) => Some(value?),
            None => None,
        };
        if range_value == Some(Err(Broken)) || put.is_some_and(|put| message_in(&put).is_none()) {
            return Some(Meaning::Nothing);
        }
        messages.push((range_value.and_then(Result::ok), put.is_some()));
    }
    Some(match messages.as_slice() {
        [(None, true)] if has_succeeded => Meaning::Won,
        [(Some(values), false)] if !has_succeeded => match values.as_slice() {
            [value] if value == own => Meaning::Won,
            [value] if !value.is_empty() => Meaning::Lost,
            _ => Meaning::Nothing,
        },
        _ => Meaning::Nothing,
    })
}

/// A message that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Broken;

/// The values in a range. `None` as for [`read_transaction`].
fn read_range(range: &Field) -> Option<Result<Vec<Vec<u8>>, Broken>> {
    let Some(fields) = message_in(range) else { return Some(Err(Broken)) };
    once(&fields, 0)?;
    let mut values = Vec::new();
    for (_, pair) in fields.iter().filter(|(number, _)| *number == 2) {
        let Some(fields) = message_in(pair) else { return Some(Err(Broken)) };
        values.push(match once(&fields, 5)? {
            Some(Field::Bytes(value)) => value.to_vec(),
            Some(_) => return Some(Err(Broken)),
            None => Vec::new(),
        });
    }
    Some(Ok(values))
}

/// Reads an answer to the grant of a lease. `None` as for [`read_transaction`].
fn read_grant(message: &[u8], lease: i64) -> Option<Meaning> {
    let Some(fields) = protobuf::read(message) else { return Some(Meaning::Nothing) };
    let error_is_empty = match once(&fields, 4)? {
        Some(Field::Bytes(error)) => error.is_empty(),
        Some(_) => false,
        None => true,
    };
    let has_id = matches!(once(&fields, 2)?, Some(Field::Number(id)) if id as i64 == lease);
    Some(if has_id && error_is_empty { Meaning::Granted } else { Meaning::Nothing })
}

/// A field that counts once. The outer `None` is a message in which it is there twice, or in which there is a group.
#[expect(clippy::option_option, reason = "a field that is missing is no mistake")]
fn once<'a>(fields: &[(u64, Field<'a>)], wanted: u64) -> Option<Option<Field<'a>>> {
    let mut found = fields.iter().filter(|(number, _)| *number == wanted).map(|(_, field)| *field);
    let first = found.next();
    let has_group = fields.iter().any(|(_, field)| *field == Field::Group);
    (found.next().is_none() && !has_group).then_some(first)
}

fn message_in<'a>(field: &Field<'a>) -> Option<Vec<(u64, Field<'a>)>> {
    let Field::Bytes(bytes) = field else { return None };
    protobuf::read(bytes)
}

/// Whether there is a successful put, or the own value.
fn is_like_won(body: &[u8], own: &[u8]) -> bool {
    let fields = unframe(body).and_then(protobuf::read).unwrap_or_default();
    let has_succeeded = matches!(protobuf::last(&fields, 2), Some(Field::Number(number)) if number != 0);
    let response = protobuf::last(&fields, 3).and_then(|response| message_in(&response)).unwrap_or_default();
    let has_put = protobuf::last(&response, 2).is_some();
    has_succeeded && has_put || body.windows(own.len()).any(|window| window == own)
}
