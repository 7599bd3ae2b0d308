use std::io::Read as _;
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use kit::http::{Address, Connection, RequestBuilder, exchange};

use super::running::{Running, basic, form, rejected, token, whole, wrong_form};

/// A quarter of all connections.
const CONNECTIONS_PER_ADDRESS: usize = 128;

/// Whether the service has closed a connection over which nothing was sent.
fn is_closed(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    let mut stream = stream;
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// Otherwise, one client could block all others.
#[test]
fn one_address_can_not_use_all_connections() {
    let service = Running::start(&[]);
    let Address::Tcp(here) = service.address else { panic!("{}", service.address) };
    let mut idle: Vec<_> = (0..600).map(|_| TcpStream::connect(here).expect("a connection")).collect();
    let deadline = Instant::now() + Duration::from_secs(5);
    while idle.len() > CONNECTIONS_PER_ADDRESS {
        assert!(Instant::now() < deadline, "{} are open", idle.len());
        idle.retain(|stream| !is_closed(stream));
    }
    assert_eq!(idle.len(), CONNECTIONS_PER_ADDRESS);

    // Another address gets a response at once, long before the idle connections are closed.
    let started = Instant::now();
    let mut elsewhere = service.connect_from(Ipv4Addr::new(127, 0, 0, 2));
    assert_eq!(elsewhere.send(&RequestBuilder::get("/healthz")).text(), "ok\n");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(exchange(&Address::Tcp(here), &RequestBuilder::get("/healthz").build()).is_err());

    // A closed connection no longer counts.
    drop(idle);
    let deadline = Instant::now() + Duration::from_secs(5);
    while exchange(&Address::Tcp(here), &RequestBuilder::get("/healthz").build()).is_err() {
        assert!(Instant::now() < deadline, "closed connections are still counted");
    }
}

/// Right and wrong passwords count alike. If the right one did not have to wait, an attacker would notice a correct
/// guess.
#[test]
fn an_address_with_too_many_attempts_has_to_wait_and_others_do_not() {
    let service = Running::start(&[]);
    let mut connection = Connection::open(&service.address).expect("a connection");
    let mut answer = |request: &RequestBuilder| {
        connection.send(&request.build()).expect("a request");
        connection.receive().expect("an answer")
    };
    let started = Instant::now();
    let answers: Vec<_> = (0..60)
        .map(|number| match number % 3 {
            0 => answer(&basic("alice", "wonderland")),
            1 => answer(&form("username=alice&password=guess")),
            _ => answer(&form(&format!("username=nobody-{number}&password=wonderland"))),
        })
        .collect();
    let later = usize::try_from(started.elapsed().as_secs() / 2).expect("a small number") + 1;
    let waiting = answers.iter().filter(|answer| answer.status == 429).count();
    assert!((30 - later..=30).contains(&waiting), "{waiting} of 60 had to wait, {later} intervals");
    for (number, answer) in answers.iter().enumerate().take(30) {
        match number % 3 {
            0 => drop(token(answer, 7200)),
            _ => assert_eq!(whole(answer), wrong_form()),
        }
    }
    let last = answer(&basic("alice", "wonderland"));
    let wait = last.header("retry-after").map(|wait| String::from_utf8_lossy(wait).into_owned());
    let wait = wait.expect("how long to wait");
    assert!(["1", "2"].contains(&wait.as_str()), "{wait}");
    let description = "too many attempts; retry later";
    assert_eq!(whole(&last), rejected(429, "temporarily_unavailable", description, &[("retry-after", &wait)]));

    // Requests without an attempt don't count and don't wait.
    assert_eq!(answer(&RequestBuilder::get("/healthz")).status, 200);
    assert_eq!(answer(&form("username=alice")).status, 400);
    let mut other = service.connect_from(Ipv4Addr::new(127, 0, 0, 2));
    token(&other.send(&basic("alice", "wonderland")), 7200);
}
