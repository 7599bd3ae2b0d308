//! The memory of the module.

use wasmi::{Caller, Error, Extern, Memory, Val};

use super::State;

pub(super) fn read(caller: &Caller<State>, start: usize, size: usize) -> Vec<u8> {
    memory(caller).data(caller)[start..start + size].to_vec()
}

pub(super) fn read_text(caller: &Caller<State>, start: usize, size: usize) -> String {
    String::from_utf8(read(caller, start, size)).expect("UTF-8")
}

pub(super) fn write(caller: &mut Caller<State>, start: usize, bytes: &[u8]) {
    memory(caller).data_mut(caller)[start..start + bytes.len()].copy_from_slice(bytes);
}

/// Copies bytes to memory that the module allocates, as Envoy does, and writes their address and size to `data` and
/// `size`. For no bytes nothing is allocated, and the address is 0.
pub(super) fn hand_over(caller: &mut Caller<State>, bytes: &[u8], data: usize, size: usize) -> Result<(), Error> {
    let address = if bytes.is_empty() { 0 } else { allocate(caller, bytes.len())? };
    write(caller, address as u32 as usize, bytes);
    write(caller, data, &address.to_le_bytes());
    write(caller, size, &(bytes.len() as u32).to_le_bytes());
    Ok(())
}

fn memory(caller: &Caller<State>) -> Memory {
    caller.get_export("memory").and_then(Extern::into_memory).expect("a memory")
}

fn allocate(caller: &mut Caller<State>, size: usize) -> Result<i32, Error> {
    let allocate = caller.get_export("proxy_on_memory_allocate").and_then(Extern::into_func).expect("an allocator");
    let mut address = [Val::I32(0)];
    allocate.call(&mut *caller, &[Val::I32(size as i32)], &mut address)?;
    let [Val::I32(address)] = address else { panic!("no address") };
    Ok(address)
}
