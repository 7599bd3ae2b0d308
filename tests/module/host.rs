//! An in-memory proxy-wasm host that runs a module as Envoy does, and can fail any of the module's calls.
//!
//! Several VMs share one [`Process`], as the workers of one Envoy do. A VM has root contexts, each with one configuration,
//! and any number of streams. The test makes the events: a part of a request arrives, a timer fires, a call is answered,
//! a client leaves. The host decides as Envoy would which callbacks follow, and what reaches the backend.
//!
//! Some mistakes of a module have no effect in Envoy, or a bad one: a header edit that comes too late, say. Here each is
//! a violation: the event that led to it is an error.

mod callout;
mod imports;
mod memory;
mod process;
mod puppet;
mod result;
mod state;
mod stream;
mod stream_calls;
mod tests;
mod vm;

use wasmi::{Config, Engine, ExternType, Linker, Module, Store, Val};

pub(crate) use callout::{HttpCall, Reply};
pub(crate) use process::Process;
pub(crate) use result::{Forwarded, Response};
pub(crate) use state::{HostCall, State};
pub(crate) use stream::{Mode, Stream};
pub(crate) use vm::{Vm, pass};

/// Headers or trailers, in order.
pub(crate) type Headers = Vec<(String, Vec<u8>)>;

/// The statuses that the host's own answers use.
pub(crate) const OK: u32 = 0;
pub(crate) const NOT_FOUND: u32 = 1;
pub(crate) const BAD_ARGUMENT: u32 = 2;
pub(crate) const CAS_MISMATCH: u32 = 8;
pub(crate) const INTERNAL_FAILURE: u32 = 10;
pub(crate) const UNIMPLEMENTED: u32 = 12;

/// What the module answers to a callback of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Continue,
    Pause,
}

/// A module, compiled once.
pub(crate) struct Compiled {
    engine: Engine,
    module: Module,
}

impl Compiled {
    pub(crate) fn new(wasm: &[u8]) -> Self {
        let mut config = Config::default();
        config.wasm_simd(true);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, wasm).expect("a module");
        Self { engine, module }
    }

    /// A new VM of `process`, which has not been started yet.
    pub(crate) fn load(&self, process: &Process) -> Vm {
        let mut store = Store::new(&self.engine, State::new(process));
        let mut linker = Linker::new(&self.engine);
        for import in self.module.imports() {
            let ExternType::Func(signature) = import.ty() else { panic!("{} is no function", import.name()) };
            let name = import.name().to_owned();
            let is_wasi = import.module() != "env";
            linker
                .func_new(import.module(), import.name(), signature.clone(), move |caller, arguments, results| {
                    let status = if is_wasi {
                        imports::wasi_call(caller, &name, arguments)
                    } else {
                        imports::host_call(caller, &name, arguments)?
                    };
                    results.iter_mut().for_each(|result| *result = Val::I32(status as i32));
                    Ok(())
                })
                .expect("a function");
        }
        let instance = linker.instantiate_and_start(&mut store, &self.module).expect("an instance");
        Vm::new(store, instance)
    }
}
