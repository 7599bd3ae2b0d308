//! Reads passwords from a terminal.

use std::fs::File;
use std::io;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// Until this is dropped, the terminal does not show what the user types.
///
/// `rpassword` alone turns the echo off after each question and on again after each answer, so it would show a part of
/// what is pasted for two questions at once.
pub(crate) struct Silence {
    terminal: File,
    before: Termios,
}

impl Silence {
    /// Turns off the echo of the terminal of this process.
    pub(crate) fn begin() -> io::Result<Self> {
        let terminal = File::open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        // `rpassword` raises the signal for Ctrl-C. By default the process would end without restoring the terminal;
        // with a handler, there is an error instead.
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
        // This only fails if the terminal is gone.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
