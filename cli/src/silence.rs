//! The terminal while a password is typed.

use std::fs::File;
use std::io;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// A terminal that shows nothing of what is typed, until this is dropped.
///
/// `rpassword` alone asks first and then turns the echo off, and on again before it asks a second time: what is pasted at
/// once would show.
pub(crate) struct Silence {
    terminal: File,
    before: Termios,
}

impl Silence {
    /// Silences the terminal of this process.
    pub(crate) fn begin() -> io::Result<Self> {
        let terminal = File::open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        // `rpassword` takes Ctrl-C as a character and raises the signal. By default that would end the process, and leave the
        // terminal silent; with a handler there is an error to come back with.
        ctrlc::set_handler(|| {}).map_err(io::Error::other)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG);
        tcsetattr(&terminal, OptionalActions::Now, &silent)?;
        Ok(Self { terminal, before })
    }

    /// Asks for a line.
    pub(crate) fn ask(&self, question: &str) -> io::Result<Zeroizing<String>> {
        rpassword::prompt_password(question).map(Zeroizing::new)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Fails only for a terminal that is gone.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
