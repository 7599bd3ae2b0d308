use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use kit::http::{Address, RequestBuilder};

use super::running::{FORM, Running, SERVE, basic, form, prepared, terminate, token, whole, write_secret, wrong_form};
use crate::command::{now, opened, run};
use crate::filter::decide;

/// Sends 320 requests from 16 addresses at once, each address with its own user.
#[test]
fn under_load_each_request_gets_its_own_response() {
    let service = Running::start(&[]);
    let configuration = fs::read_to_string(service.folder.path().join("plugin")).expect("a file");
    let tokens: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..16)
            .map(|worker| {
                let service = &service;
                scope.spawn(move || {
                    let mut connection = service.connect_from(Ipv4Addr::new(127, 0, 1, worker));
                    let mut tokens = Vec::new();
                    for round in 0..20 {
                        match (worker + round) % 5 {
                            0 | 1 => {
                                let form = form(&format!("username=user-{worker}&password=wonderland"));
                                tokens.push(token(&connection.send(&form), 7200));
                            }
                            2 => {
                                let basic = basic(&format!("user-{worker}"), "wonderland");
                                tokens.push(token(&connection.send(&basic), 7200));
                            }
                            3 => {
                                let name = if worker % 2 == 0 { "nobody" } else { "alice" };
                                let wrong = form(&format!("username={name}&password=x"));
                                assert_eq!(whole(&connection.send(&wrong)), wrong_form());
                            }
                            _ => assert_eq!(connection.send(&RequestBuilder::get("/healthz")).text(), "ok\n"),
                        }
                    }
                    tokens
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    });
    assert_eq!(tokens.len(), 16 * 20 * 3 / 5);
    let mut names: Vec<_> = tokens.iter().map(|token| opened(token).1["jti"].to_string()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), tokens.len());
    for token in &tokens {
        assert_eq!(decide(&configuration, token, now()).map(|_| ()), Ok(()));
    }

    let (code, log) = service.stop();
    assert_eq!((code, log.lines().filter(|line| line.contains(" client=")).count()), (Some(0), 320));
}

#[test]
fn the_log_has_a_line_for_each_request_and_no_secret() {
    let service = Running::start(&[]);
    let token = token(&service.send(&basic("alice", "wonderland")), 7200);
    service.send(&form("username=wonderland&password=alice"));
    service.send(&RequestBuilder::get("/healthz?password=wonderland"));
    service.send(&RequestBuilder::get(format!("/{token}")));
    let (code, log) = service.stop();
    assert_eq!(code, Some(0));
    let lines: Vec<_> = log.lines().map(|line| line.split_once(" method=").map_or(line, |(_, rest)| rest)).collect();
    assert_eq!(
        lines,
        [
            "POST path=/token status=200 user=\"alice\"",
            "POST path=/token status=400",
            "GET path=/healthz status=200",
            "GET path=(other) status=404",
            "jwt-auth: stopped",
        ]
    );
    for line in log.lines().filter(|line| line.contains(" method=")) {
        let (time, client) = line.split_once(" client=127.0.0.1:").expect("a time and a client");
        assert!(time.len() == 20 && time.ends_with('Z') && client.starts_with(|char: char| char.is_ascii_digit()));
    }
}

/// The attempt still counts, and the password is still verified.
#[test]
fn a_client_that_disconnects_before_the_response_is_logged() {
    let folder = prepared();
    // Verifying takes about a second, longer than the client stays. The password is unknown.
    let hash = "$argon2id$v=19$m=65536,t=10,p=1$c29tZXNhbHRzb21lc2FsdA$YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY";
    write_secret(folder.path(), "users", &format!("users: [{{name: alice, passwordHash: '{hash}'}}]"));
    let service = Running::start_in(folder, &[]);
    let mut leaving = begun(&service, "username=alice&password=x");
    leaving.write_all(b"username=alice&password=x").expect("the body of the request");
    drop(leaving);
    // Wait, so that the client and not the stop ends the request.
    thread::sleep(Duration::from_millis(300));
    let (code, log) = service.stop();
    assert_eq!(code, Some(0));
    let (line, rest) = log.split_once('\n').expect("a line");
    assert!(line.ends_with(" method=POST path=/token status=gone"), "{log}");
    assert_eq!(rest, "jwt-auth: stopped\n");
}

/// A connection on which the service has read the head of a request for a token. The body is not yet sent.
fn begun(service: &Running, body: &str) -> TcpStream {
    let Address::Tcp(address) = service.address else { panic!("{}", service.address) };
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let length = body.len();
    let head = format!(
        "POST /token HTTP/1.1\r\nhost: test\r\ncontent-type: {FORM}\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("the head of a request");
    // The service sends this when it waits for the body.
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut go_on).expect("the response 100 Continue");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[test]
fn a_stop_completes_running_requests_and_accepts_no_new_ones() {
    let mut service = Running::start(&[]);
    let Address::Tcp(address) = service.address else { panic!("{}", service.address) };
    let idle = TcpStream::connect(address).expect("a connection");
    let body = "username=alice&password=wonderland";
    let mut busy = begun(&service, body);

    terminate(&service.child);
    let deadline = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < deadline, "the service still accepts connections");
        thread::sleep(Duration::from_millis(20));
    }
    busy.write_all(body.as_bytes()).expect("the body of the request");
    let mut answer = String::new();
    busy.read_to_string(&mut answer).expect("an answer, then the end");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\r\nconnection: close\r\n"), "{answer}");

    let started = Instant::now();
    assert_eq!(service.child.wait().expect("its end").code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "the service waits for an idle connection");
    drop(idle);
}

/// This takes about 15 s, the time limit for a request.
#[test]
fn a_client_that_sends_too_slowly_is_disconnected() {
    let service = Running::start(&[]);
    let Address::Tcp(address) = service.address else { panic!("{}", service.address) };
    let head = format!("POST /token HTTP/1.1\r\nhost: test\r\ncontent-type: {FORM}\r\ncontent-length: 30\r\n");
    let [half_a_head, half_a_body] = [head.clone(), format!("{head}\r\nusername=")].map(|sent| {
        thread::spawn(move || {
            let mut stream = TcpStream::connect(address).expect("a connection");
            stream.set_read_timeout(Some(Duration::from_secs(25))).expect("a timeout");
            stream.write_all(sent.as_bytes()).expect("the beginning of a request");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer, then the end");
            answer
        })
    });
    // Other clients don't have to wait.
    token(&service.send(&basic("alice", "wonderland")), 7200);
    let status = |answer: String| answer.lines().next().map(str::to_owned);
    assert_eq!(half_a_head.join().map(status).expect("an answer"), None);
    assert_eq!(half_a_body.join().map(status).expect("an answer").as_deref(), Some("HTTP/1.1 408 Request Timeout"));
}

#[test]
fn errors_at_the_start_say_what_to_do() {
    let folder = prepared();
    run(folder.path(), ["keygen", "--alg", "HS256", "--private", "secret"]);
    write_secret(folder.path(), "invalid", "users: [{name: alice, passwordHash: wonderland}, {}]");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("its address");
    let name = "expected a string of 1 to 256 bytes without colons (HTTP Basic allows none) and control characters";
    let hash = "passwordHash: expected an Argon2id hash; `jwt-auth hash-password` makes one";
    for (arguments, expected) in [
        (
            "--key secret --users users",
            "HS256 has no public key to publish: anyone who can verify its tokens can also forge them\n  make another key: jwt-auth keygen --alg RS256 --private private.jwk.json".to_owned(),
        ),
        ("--key nowhere --users users", "can't read nowhere: No such file or directory (os error 2)".to_owned()),
        ("--key key --users nowhere", "can't read nowhere: No such file or directory (os error 2)".to_owned()),
        ("--key - --users -", "--key and --users can't both read stdin".to_owned()),
        (
            "--key key --users invalid",
            format!("invalid:\n  users[0].{hash}\n  users[1].name: {name}\n  users[1].{hash}"),
        ),
        (
            &format!("--key key --users users --listen {taken}"),
            format!("can't listen on {taken}: Address already in use (os error 98)\n  choose another address with --listen, such as 127.0.0.1:0 for any free port"),
        ),
    ] {
        let ended = run(folder.path(), ["serve"].into_iter().chain(arguments.split(' ')));
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments}");
        assert_eq!(ended.stderr, format!("jwt-auth: {expected}\n"), "{arguments}");
    }
    let ended = run(folder.path(), SERVE.iter().chain(&["--expires-in", "7d"]));
    assert!(ended.code == 2 && ended.stderr.contains("(A403JT)"), "{}", ended.stderr);
}
