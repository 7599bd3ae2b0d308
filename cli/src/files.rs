//! Reads files, and writes files with keys: completely or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::terminal;

/// The limit for files: more than any key, or many thousand users, need.
const MAX_BYTES: u64 = 16 << 20;

/// Who can read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Only the owner: mode 0600.
    Owner,
    /// Everyone: mode 0644, less what the umask removes.
    All,
}

/// The name that means stdin.
pub(crate) const STDIN: &str = "-";

/// Checks that at most one of these options reads stdin.
pub(crate) fn check_stdin(options: &[(&str, Option<&Path>)]) -> Result<(), Failure> {
    let mut from_stdin = options.iter().filter(|(_, path)| *path == Some(Path::new(STDIN))).map(|(option, _)| option);
    match (from_stdin.next(), from_stdin.next()) {
        (Some(one), Some(other)) => Err(Failure::new(format!("{one} and {other} can't both read stdin"))),
        (_, _) => Ok(()),
    }
}

/// The name of a file for messages.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new(STDIN) { "stdin".to_owned() } else { path.display().to_string() }
}

/// The token of an argument or, for `-`, on stdin, without the line feed.
///
/// # Errors
/// If stdin can't be read or has more than 16 MiB.
pub(crate) fn token(argument: &str) -> Result<Vec<u8>, Failure> {
    if argument != STDIN {
        return Ok(argument.as_bytes().to_vec());
    }
    let mut token = read(Path::new(STDIN))?.to_vec();
    while token.last().is_some_and(|byte| b"\r\n".contains(byte)) {
        token.pop();
    }
    Ok(token)
}

/// The content of a file, or of stdin for `-`.
///
/// # Errors
/// If it can't be read or is longer than 16 MiB.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::new(format!("can't read {}: {error}", path.display()));
    let mut content = Zeroizing::new(Vec::new());
    if path == Path::new(STDIN) {
        io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut content).map_err(failed)?;
    } else {
        File::open(path).map_err(failed)?.take(MAX_BYTES + 1).read_to_end(&mut content).map_err(failed)?;
    }
    if content.len() as u64 > MAX_BYTES {
        return Err(Failure::new(format!("{} is longer than 16 MiB", path.display())));
    }
    Ok(content)
}

/// Warns on stderr if other users have access to a file with secrets.
pub(crate) fn warn_if_shared(path: &Path) {
    if path != Path::new(STDIN) && fs::metadata(path).is_ok_and(|file| file.is_file() && file.mode() & 0o077 != 0) {
        eprintln!("jwt-auth: warning: other users have access to {0}; run: chmod 600 {0}", path.display());
    }
}

/// A complete file that does not have its name yet. It is deleted if it is dropped.
pub(crate) struct Prepared {
    file: NamedTempFile,
    path: PathBuf,
    overwrite: bool,
}

impl Prepared {
    /// Writes `content` to the disk, to a temporary file beside `path`.
    ///
    /// # Errors
    /// If `path` already exists, unless `overwrite` is set; if it is `-`, or neither a file nor a link; or if writing fails.
    pub(crate) fn new(path: &Path, content: &[u8], readers: Readers, overwrite: bool) -> Result<Self, Failure> {
        if path == Path::new(STDIN) {
            return Err(Failure::new("- is not the name of a file")
                .with_remedy("leave out the option to write to stdout; use ./- for a file named -"));
        }
        // A link is replaced and not followed.
        let there = path.symlink_metadata().ok().map(|there| there.file_type());
        if path.is_dir() {
            return Err(Failure::new(format!("{} is a directory", path.display())));
        }
        if there.is_some_and(|there| !there.is_file() && !there.is_symlink()) {
            return Err(Failure::new(format!("{} is a device, a pipe or a socket", path.display())));
        }
        if there.is_some() && !overwrite {
            return Err(exists(path));
        }
        let folder = folder(path);
        let mode = match readers {
            Readers::Owner => 0o600,
            Readers::All => 0o644,
        };
        let write = || -> io::Result<NamedTempFile> {
            // The file has this mode from the beginning.
            let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        let file = write().map_err(|error| cannot_write(path, &error))?;
        Ok(Self { file, path: path.to_owned(), overwrite })
    }

    /// Gives the file its name, in one step.
    ///
    /// # Errors
    /// If the name is taken now, unless `overwrite` was set, or if the system refuses.
    pub(crate) fn publish(self) -> Result<(), Failure> {
        let Self { file, path, overwrite } = self;
        let published = if overwrite { file.persist(&path) } else { file.persist_noclobber(&path) };
        match published {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&path)),
            Err(error) => Err(cannot_write(&path, &error.error)),
        }
    }
}

fn exists(path: &Path) -> Failure {
    Failure::new(format!("{} already exists", path.display()))
        .with_remedy("--force overwrites it; tokens of the old key become invalid")
}

/// Whether two paths name the same file. Paths in missing folders are only compared as text.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| Some((folder(path).canonicalize().ok()?, path.file_name()?.to_owned()));
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    // The error would show the name of the temporary file.
    Failure::new(format!("can't write {}: {}", path.display(), error.kind()))
}

/// Writes `text` and a line feed to stdout, which can be closed.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    terminal::print(&Zeroizing::new(format!("{text}\n")))
}
