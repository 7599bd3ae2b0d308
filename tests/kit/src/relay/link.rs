use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::answers::Answers;
use super::{Loss, Shared};

/// A relay that listens; dropping it closes all its connections.
pub(super) struct Running {
    address: SocketAddr,
    links: Arc<Links>,
    acceptor: Option<JoinHandle<()>>,
}

/// The open links, by a number.
#[derive(Default)]
struct Links {
    stopping: AtomicBool,
    open: Mutex<HashMap<usize, Arc<Link>>>,
}

/// A connection of a client and one to the server.
struct Link {
    client: TcpStream,
    server: TcpStream,
    answers: Mutex<Answers>,
    /// Whether the client gets nothing more.
    is_silent: AtomicBool,
}

impl Running {
    pub(super) fn start(address: SocketAddr, target: SocketAddr, shared: &Arc<Shared>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let links = Arc::new(Links::default());
        let acceptor = thread::spawn({
            let (links, shared) = (Arc::clone(&links), Arc::clone(shared));
            move || accept(&listener, target, &links, &shared)
        });
        Ok(Self { address, links, acceptor: Some(acceptor) })
    }

    /// Closes the connections whose clients get nothing more.
    pub(super) fn close_silent(&self) {
        self.links.open().values().filter(|link| link.is_silent.load(Ordering::SeqCst)).for_each(|link| link.close());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.links.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees `stopping` and adds no more links.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken) {
            let _ = acceptor.join();
        }
        self.links.open().values().for_each(|link| link.close());
    }
}

impl Links {
    fn open(&self) -> MutexGuard<'_, HashMap<usize, Arc<Link>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, target: SocketAddr, links: &Arc<Links>, shared: &Arc<Shared>) {
    for (number, client) in listener.incoming().enumerate() {
        if links.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        // Without a server, the client's connection is closed.
        let Ok(server) = TcpStream::connect(target) else { continue };
        if client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err() {
            continue;
        }
        let link = Arc::new(Link { client, server, answers: Mutex::default(), is_silent: AtomicBool::new(false) });
        links.open().insert(number, Arc::clone(&link));
        thread::spawn({
            let link = Arc::clone(&link);
            move || {
                // An error means that one side is gone, so there is nobody to report it to.
                let _ = link.pass_requests();
                link.close();
            }
        });
        let (links, shared) = (Arc::clone(links), Arc::clone(shared));
        thread::spawn(move || {
            let _ = link.pass_answers(&shared);
            link.close();
            links.open().remove(&number);
        });
    }
}

impl Link {
    fn pass_requests(&self) -> io::Result<()> {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let length = (&self.client).read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            self.answers().request(&buffer[..length]);
            (&self.server).write_all(&buffer[..length])?;
        }
    }

    fn pass_answers(&self, shared: &Shared) -> io::Result<()> {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let length = (&self.server).read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            if self.is_silent.load(Ordering::SeqCst) {
                continue;
            }
            let begins = self.answers().response(&buffer[..length]);
            let lost = begins.into_iter().find_map(|begin| Some((begin, shared.next()?)));
            (&self.client).write_all(&buffer[..lost.map_or(length, |(begin, _)| begin)])?;
            match lost {
                Some((_, Loss::Closing)) => return Ok(()),
                Some((_, Loss::Silent)) => self.is_silent.store(true, Ordering::SeqCst),
                None => {}
            }
        }
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}
