//! `trim MODULE TRIMMED`: writes the module without the callbacks that the filter does not use.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [module, trimmed] = arguments.as_slice() else {
        eprintln!("usage: trim MODULE TRIMMED");
        return ExitCode::from(2);
    };
    let result = std::fs::read(module)
        .map_err(|error| error.to_string())
        .and_then(|wasm| trim::trim(&wasm))
        .and_then(|wasm| std::fs::write(trimmed, wasm).map_err(|error| error.to_string()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trim: {}: {error}", module.display());
            ExitCode::FAILURE
        }
    }
}
