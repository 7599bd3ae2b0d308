//! An in-memory proxy-wasm host that runs the shipped module and can fail any of its calls.

use std::collections::HashMap;

use wasmi::{Caller, Config, Engine, Error, Extern, ExternType, Instance, Linker, Module, Store, Val};

/// Headers or trailers, in order.
pub(crate) type Headers = Vec<(String, Vec<u8>)>;

/// The statuses that the host calls below return.
const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const CAS_MISMATCH: u32 = 8;
const UNIMPLEMENTED: u32 = 12;

/// The state of the host, which the module reads and changes.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) configuration: Vec<u8>,
    pub(crate) headers: Headers,
    pub(crate) trailers: Option<Headers>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) filter_state: HashMap<Vec<u8>, Vec<u8>>,
    pub(crate) response: Option<Response>,
    pub(crate) log: Vec<String>,
    /// The names of the calls since [`World::fail_at`] was set.
    pub(crate) calls: Vec<String>,
    /// How many callbacks of the request have started.
    pub(crate) callbacks: usize,
    /// The index of the call that fails, counted from 0, and its status.
    pub(crate) fail_at: Option<(usize, u32)>,
    pub(crate) shared_data: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    pub(crate) version: u32,
}

/// A response that the module sent instead of the backend's response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Response {
    pub(crate) status: u32,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) grpc_status: i32,
    /// The callback of the request that sent it, counted from 1.
    pub(crate) callback: usize,
}

/// What the module answers to a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Continue,
    Pause,
}

/// The module, compiled once.
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

    /// A VM that has not been started yet.
    pub(crate) fn load(&self, world: World) -> Vm {
        let mut store = Store::new(&self.engine, world);
        let mut linker = Linker::new(&self.engine);
        for import in self.module.imports() {
            let ExternType::Func(signature) = import.ty() else { panic!("{} is no function", import.name()) };
            let name = import.name().to_owned();
            let is_wasi = import.module() != "env";
            linker
                .func_new(import.module(), import.name(), signature.clone(), move |caller, arguments, results| {
                    let status = if is_wasi { 0 } else { host_call(caller, &name, arguments)? };
                    results.iter_mut().for_each(|result| *result = Val::I32(status as i32));
                    Ok(())
                })
                .expect("a function");
        }
        let instance = linker.instantiate_and_start(&mut store, &self.module).expect("an instance");
        Vm { store, instance }
    }
}

/// One instance of the module. A trap in a callback is an error.
pub(crate) struct Vm {
    store: Store<World>,
    instance: Instance,
}

const ROOT: i32 = 1;
const REQUEST: i32 = 2;

impl Vm {
    pub(crate) fn world(&mut self) -> &mut World {
        self.store.data_mut()
    }

    /// Starts the VM and configures it as Envoy does, with one tick. Returns the answer of `on_configure`.
    pub(crate) fn start(&mut self) -> Result<bool, Error> {
        let size = self.world().configuration.len() as i32;
        self.call("_initialize", &[])?;
        self.call("proxy_on_context_create", &[ROOT, 0])?;
        self.call("proxy_on_vm_start", &[ROOT, 0])?;
        let configured = self.call("proxy_on_configure", &[ROOT, size])?;
        self.call("proxy_on_tick", &[ROOT])?;
        Ok(configured == 1)
    }

    /// Sends a request from its headers to its end. Returns the module's answer to each callback. Like Envoy, it makes
    /// the next callback also after `Pause`.
    pub(crate) fn request(&mut self) -> Result<Vec<Action>, Error> {
        let (headers, body, trailers) = {
            let World { headers, body, trailers, .. } = self.world();
            (headers.len() as i32, body.as_ref().map(Vec::len), trailers.as_ref().map(Vec::len))
        };
        self.call("proxy_on_context_create", &[REQUEST, ROOT])?;
        self.world().callbacks = 0;
        let ends = |more: bool| i32::from(!more);
        let is_more = body.is_some() || trailers.is_some();
        let mut actions = vec![self.call("proxy_on_request_headers", &[REQUEST, headers, ends(is_more)])?];
        if let Some(size) = body {
            let size = size as i32;
            actions.push(self.call("proxy_on_request_body", &[REQUEST, size, ends(trailers.is_some())])?);
        }
        if let Some(count) = trailers {
            actions.push(self.call("proxy_on_request_trailers", &[REQUEST, count as i32])?);
        }
        self.call("proxy_on_delete", &[REQUEST])?;
        self.call("proxy_on_tick", &[ROOT])?;
        Ok(actions.into_iter().map(|action| if action == 0 { Action::Continue } else { Action::Pause }).collect())
    }

    /// Calls an exported function; 0 if it has no result.
    fn call(&mut self, name: &str, arguments: &[i32]) -> Result<i32, Error> {
        self.world().callbacks += 1;
        let function = self.instance.get_func(&self.store, name).unwrap_or_else(|| panic!("no export {name}"));
        let arguments: Vec<Val> = arguments.iter().map(|argument| Val::I32(*argument)).collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        function.call(&mut self.store, &arguments, &mut results)?;
        Ok(results.first().and_then(Val::i32).unwrap_or(0))
    }
}

/// Answers one call of the module: records its name, then fails it or does what it asks.
fn host_call(mut caller: Caller<World>, name: &str, arguments: &[Val]) -> Result<u32, Error> {
    let arguments: Vec<usize> = arguments
        .iter()
        .map(|argument| match argument {
            Val::I32(number) => *number as u32 as usize,
            Val::I64(number) => *number as usize,
            other => panic!("{name}: {other:?}"),
        })
        .collect();
    let world = caller.data_mut();
    let index = world.calls.len();
    world.calls.push(name.to_owned());
    if let Some((failing, status)) = world.fail_at
        && failing == index
    {
        return Ok(status);
    }
    match (name, arguments.as_slice()) {
        ("proxy_log", &[_, text, size]) => {
            let text = String::from_utf8_lossy(&read(&caller, text, size)).into_owned();
            caller.data_mut().log.push(text);
        }
        ("proxy_get_current_time_nanoseconds", &[time]) => {
            write(&mut caller, time, &1_800_000_000_000_000_000_u64.to_le_bytes())
        }
        ("proxy_define_metric", &[_, _, _, id]) => write(&mut caller, id, &1_u32.to_le_bytes()),
        ("proxy_increment_metric" | "proxy_set_tick_period_milliseconds", _) => {}
        ("proxy_get_property", &[_, _, data, size]) => hand_over(&mut caller, b"test", data, size)?,
        ("proxy_get_buffer_bytes", &[buffer, start, max_size, data, size]) => {
            let world = caller.data();
            let bytes = match buffer {
                0 => world.body.clone().unwrap_or_default(),
                6 => b"signatures: wasm".to_vec(),
                7 => world.configuration.clone(),
                _ => return Ok(NOT_FOUND),
            };
            let wanted: Vec<u8> = bytes.into_iter().skip(start).take(max_size).collect();
            hand_over(&mut caller, &wanted, data, size)?;
        }
        ("proxy_set_buffer_bytes", &[0, 0, replaced, data, size]) => {
            let bytes = read(&caller, data, size);
            let body = caller.data_mut().body.as_mut().expect("a body");
            body.splice(..replaced.min(body.len()), bytes);
        }
        ("proxy_get_header_map_pairs", &[map, data, size]) => {
            let pairs = map_of(caller.data_mut(), map).clone();
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
            hand_over(&mut caller, &jwt_auth::encode_header_map(&pairs), data, size)?;
        }
        ("proxy_add_header_map_value", &[map, name, name_size, value, size]) => {
            let header = (read_text(&caller, name, name_size), read(&caller, value, size));
            map_of(caller.data_mut(), map).push(header);
        }
        ("proxy_replace_header_map_value", &[map, name, name_size, value, size]) => {
            let (name, value) = (read_text(&caller, name, name_size), read(&caller, value, size));
            let headers = map_of(caller.data_mut(), map);
            headers.retain(|(other, _)| *other != name);
            headers.push((name, value));
        }
        ("proxy_remove_header_map_value", &[map, name, name_size]) => {
            let name = read_text(&caller, name, name_size);
            map_of(caller.data_mut(), map).retain(|(other, _)| *other != name);
        }
        ("proxy_set_property", &[name, name_size, value, size]) => {
            let entry = (read(&caller, name, name_size), read(&caller, value, size));
            caller.data_mut().filter_state.extend([entry]);
        }
        ("proxy_get_shared_data", &[key, key_size, data, size, version]) => {
            let key = read(&caller, key, key_size);
            let Some((value, current)) = caller.data().shared_data.get(&key).cloned() else { return Ok(NOT_FOUND) };
            hand_over(&mut caller, &value, data, size)?;
            write(&mut caller, version, &current.to_le_bytes());
        }
        ("proxy_set_shared_data", &[key, key_size, value, size, version]) => {
            let (key, value) = (read(&caller, key, key_size), read(&caller, value, size));
            let world = caller.data_mut();
            if world.shared_data.get(&key).is_some_and(|(_, current)| version != 0 && *current as usize != version) {
                return Ok(CAS_MISMATCH);
            }
            world.version += 1;
            world.shared_data.insert(key, (value, world.version));
        }
        ("proxy_send_local_response", &[status, _, _, body, size, headers, headers_size, grpc_status]) => {
            let serialized = read(&caller, headers, headers_size);
            let headers = jwt_auth::decode_header_map(&serialized).expect("headers");
            let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
            let body = read(&caller, body, size);
            let world = caller.data_mut();
            let (status, grpc_status, callback) = (status as u32, grpc_status as u32 as i32, world.callbacks);
            let response = Response { status, headers, body, grpc_status, callback };
            assert!(world.response.replace(response).is_none(), "two responses");
        }
        _ => return Ok(UNIMPLEMENTED),
    }
    Ok(OK)
}

fn map_of(world: &mut World, map: usize) -> &mut Headers {
    match map {
        0 => &mut world.headers,
        1 => world.trailers.get_or_insert_default(),
        other => panic!("header map {other}"),
    }
}

fn memory(caller: &Caller<World>) -> wasmi::Memory {
    caller.get_export("memory").and_then(Extern::into_memory).expect("a memory")
}

fn read(caller: &Caller<World>, start: usize, size: usize) -> Vec<u8> {
    memory(caller).data(caller)[start..start + size].to_vec()
}

fn read_text(caller: &Caller<World>, start: usize, size: usize) -> String {
    String::from_utf8(read(caller, start, size)).expect("UTF-8")
}

fn write(caller: &mut Caller<World>, start: usize, bytes: &[u8]) {
    memory(caller).data_mut(caller)[start..start + bytes.len()].copy_from_slice(bytes);
}

/// Copies bytes to memory that the module allocates, as Envoy does, and writes their address and size to `data` and
/// `size`.
fn hand_over(caller: &mut Caller<World>, bytes: &[u8], data: usize, size: usize) -> Result<(), Error> {
    let allocate = caller.get_export("proxy_on_memory_allocate").and_then(Extern::into_func).expect("an allocator");
    let mut address = [Val::I32(0)];
    allocate.call(&mut *caller, &[Val::I32(bytes.len() as i32)], &mut address)?;
    let [Val::I32(address)] = address else { panic!("no address") };
    write(caller, address as u32 as usize, bytes);
    write(caller, data, &address.to_le_bytes());
    write(caller, size, &(bytes.len() as u32).to_le_bytes());
    Ok(())
}
