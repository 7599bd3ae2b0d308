//! Files with secrets: read whole, written whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::terminal;

/// More than any key or claims, or many thousand users, take.
const MAX_BYTES: u64 = 16 << 20;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner: mode 0600.
    Owner,
    /// All that the umask allows: mode 0644.
    All,
}

/// The content of a file of at most 16 MiB, or of stdin for `-`.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::new(format!("can't read {}: {error}", path.display()));
    let mut content = Zeroizing::new(Vec::new());
    if path == Path::new("-") {
        io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut content).map_err(failed)?;
    } else {
        File::open(path).map_err(failed)?.take(MAX_BYTES + 1).read_to_end(&mut content).map_err(failed)?;
    }
    if content.len() as u64 > MAX_BYTES {
        return Err(Failure::new(format!("{} is longer than 16 MiB", path.display())));
    }
    Ok(content)
}

/// Warns on stderr when others than the owner have access to a file that turned out to hold secrets.
pub(crate) fn warn_if_shared(path: &Path) {
    if path != Path::new("-") && fs::metadata(path).is_ok_and(|file| file.is_file() && file.mode() & 0o077 != 0) {
        eprintln!("jwt-auth: warning: others than you have access to {0}: chmod 600 {0}", path.display());
    }
}

/// A file that is written but does not yet stand under its name; dropped, it is gone.
pub(crate) struct Prepared {
    file: NamedTempFile,
    path: PathBuf,
    overwrite: bool,
}

impl Prepared {
    /// Writes `content` beside `path`, on disk when this returns. Fails when `path` is there already and `overwrite` is
    /// not set, and always for `-` and for what is neither a file nor a link.
    pub(crate) fn new(path: &Path, content: &[u8], readers: Readers, overwrite: bool) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Err(Failure::new("- is not the name of a file")
                .with_remedy("leave the option out for stdout; ./- is a file of this name"));
        }
        // Of a link, which is replaced and not followed.
        let there = path.symlink_metadata().ok().map(|there| there.file_type());
        if path.is_dir() {
            return Err(Failure::new(format!("{} is a directory", path.display())));
        }
        if there.is_some_and(|there| !there.is_file() && !there.is_symlink()) {
            return Err(Failure::new(format!("{} is not a file: a device, a pipe or a socket", path.display())));
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
            // The mode is there from the first moment on.
            let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        let file = write().map_err(|error| cannot_write(path, &error))?;
        Ok(Self { file, path: path.to_owned(), overwrite })
    }

    /// Gives it its name, in one step: nobody sees half a file.
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
    Failure::new(format!("{} is there already", path.display()))
        .with_remedy("--force overwrites it; tokens of the old key then no longer pass")
}

/// Whether two paths stand for one name in one folder. Of folders that are not there it is not known.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| Some((folder(path).canonicalize().ok()?, path.file_name()?.to_owned()));
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    // The name of the temporary file would say nothing.
    Failure::new(format!("can't write {}: {}", path.display(), error.kind()))
}

/// Puts `text` and a newline on stdout, which may be closed.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    terminal::print(&Zeroizing::new(format!("{text}\n")))
}
