//! `trim MODULE TRIMMED SOURCE...` removes the callbacks that the sources do not implement from a module, and writes
//! the result to the file TRIMMED.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [module, trimmed, sources @ ..] = arguments.as_slice() else {
        eprintln!("usage: trim MODULE TRIMMED SOURCE...");
        return ExitCode::from(2);
    };
    match run(module.as_ref(), trimmed.as_ref(), sources) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trim: {}: {error}", module.display());
            ExitCode::FAILURE
        }
    }
}

fn run(module: &Path, trimmed: &Path, sources: &[OsString]) -> Result<(), String> {
    let read = |path: &OsString| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let source = sources.iter().map(read).collect::<Result<String, _>>()?;
    let wasm = fs::read(module).map_err(|error| error.to_string())?;
    let wasm = trim::trim(&wasm, &trim::callbacks(&source)?)?;
    fs::write(trimmed, wasm).map_err(|error| error.to_string())
}
