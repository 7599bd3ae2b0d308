use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use kit::http::{Address, Connection, RequestBuilder, exchange};

use super::running::{Running, basic, form, token, whole, wrong_form};

/// A quarter of all.
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

/// Takes away what one client alone could keep from all others. Linux answers to every address of 127.0.0.0/8.
#[test]
fn one_address_can_not_hold_all_connections() {
    let service = Running::start(&[]);
    let Address::Tcp(here) = service.address else { panic!("{}", service.address) };
    let mut idle: Vec<_> = (0..600).map(|_| TcpStream::connect(here).expect("a connection")).collect();
    let deadline = Instant::now() + Duration::from_secs(5);
    while idle.len() > CONNECTIONS_PER_ADDRESS {
        assert!(Instant::now() < deadline, "{} are open", idle.len());
        idle.retain(|stream| !is_closed(stream));
    }
    assert_eq!(idle.len(), CONNECTIONS_PER_ADDRESS);

    // Who comes from elsewhere is answered at once, long before the idle ones are given up.
    let started = Instant::now();
    assert_eq!(healthz_from(Ipv4Addr::new(127, 0, 0, 2), here), "HTTP/1.1 200 OK");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(exchange(&Address::Tcp(here), &RequestBuilder::get("/healthz").build()).is_err());

    // What is closed can be used again.
    drop(idle);
    let deadline = Instant::now() + Duration::from_secs(5);
    while exchange(&Address::Tcp(here), &RequestBuilder::get("/healthz").build()).is_err() {
        assert!(Instant::now() < deadline, "its connections still count");
    }
}

/// The first line of the answer to a `GET /healthz` that comes from this address.
fn healthz_from(client: Ipv4Addr, service: SocketAddr) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind((client, 0).into()).expect("an address of this machine");
        socket.connect(service).await.expect("a connection").into_std().expect("a socket")
    });
    stream.set_nonblocking(false).expect("a socket");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
    let mut answer = String::new();
    std::io::Write::write_all(&mut &stream, b"GET /healthz HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        .expect("a request");
    (&stream).read_to_string(&mut answer).expect("an answer");
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn one_address_can_not_guess_with_many_names() {
    let service = Running::start(&[]);
    let mut connection = Connection::open(&service.address).expect("a connection");
    let mut answer = |request: &RequestBuilder| {
        connection.send(&request.build()).expect("a request");
        connection.receive().expect("an answer")
    };
    // Right ones are free.
    for _ in 0..20 {
        token(&answer(&basic("alice", "wonderland")), 7200);
    }
    let started = Instant::now();
    let answers: Vec<_> =
        (0..200).map(|number| answer(&form(&format!("username=nobody-{number}&password=wonderland")))).collect();
    let later = usize::try_from(started.elapsed().as_secs()).expect("a small number") + 1;
    let checked = answers.iter().filter(|answer| whole(answer) == wrong_form()).count();
    assert!((100..=100 + later).contains(&checked), "{checked} of 200 in {later} s");
    assert!(answers[100 + later..].iter().all(|answer| answer.status == 429 || whole(answer) == wrong_form()));
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 200 - checked);
}

#[test]
fn one_user_can_not_get_tokens_without_end() {
    let service = Running::start(&[]);
    let mut connection = Connection::open(&service.address).expect("a connection");
    let mut answer = |request: &RequestBuilder| {
        connection.send(&request.build()).expect("a request");
        connection.receive().expect("an answer")
    };
    let started = Instant::now();
    let statuses: Vec<_> = (0..150).map(|_| answer(&basic("alice", "wonderland")).status).collect();
    let later = usize::try_from(started.elapsed().as_millis() / 200).expect("a small number") + 1;
    let tokens = statuses.iter().filter(|status| **status == 200).count();
    assert!((50..=50 + later).contains(&tokens), "{tokens} of 150, {later} more than fifty are right");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 150 - tokens);
    // Nobody else has to wait.
    token(&answer(&basic("böb", "looking-glass")), 7200);
}
