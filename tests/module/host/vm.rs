//! One VM: the events that a test makes, and the callbacks that follow.

use std::time::Duration;

use wasmi::{Instance, Store, Val};

use super::state::Root;
use super::{Action, Headers, Mode, Reply, State, Stream};

/// One instance of a module. Every event returns an error if the VM crashed in a callback, or if the module did what
/// Envoy does not forgive. Dropping it is a worker that dies: its calls are never answered.
pub(crate) struct Vm {
    store: Store<State>,
    instance: Instance,
}

/// Lets `time` pass for the VMs of one process: the clock moves, and their timers fire in order.
pub(crate) fn pass(vms: &mut [Vm], time: Duration) -> Result<(), String> {
    let Some(process) = vms.first().map(|vm| vm.state().process.clone()) else { return Ok(()) };
    let end = process.now() + time;
    loop {
        let timers = vms.iter_mut().filter_map(|vm| Some((vm.next_tick()?, vm)));
        let Some(((at, root), vm)) = timers.min_by_key(|((at, _), _)| *at).filter(|((at, _), _)| *at <= end) else {
            break;
        };
        process.advance(at.saturating_sub(process.now()));
        vm.tick(root)?;
    }
    process.advance(end - process.now());
    Ok(())
}

impl Vm {
    pub(super) fn new(store: Store<State>, instance: Instance) -> Self {
        Self { store, instance }
    }

    pub(crate) fn state(&self) -> &State {
        self.store.data()
    }

    pub(crate) fn state_mut(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// A request. Panics if it has been closed.
    pub(crate) fn stream(&self, stream: u32) -> &Stream {
        &self.state().streams[&stream]
    }

    /// Starts the VM and configures its first root context. No timer has fired yet. Returns the root context.
    pub(crate) fn start(&mut self, configuration: impl Into<Vec<u8>>) -> Result<u32, String> {
        self.call(0, "_initialize", &[])?;
        let root = self.create_root(configuration.into())?;
        self.call(root, "proxy_on_vm_start", &[root, 0])?;
        self.configure(root)
    }

    /// Configures one more root context, as Envoy does for another plugin, or for a new configuration of the same one.
    pub(crate) fn add_root(&mut self, configuration: impl Into<Vec<u8>>) -> Result<u32, String> {
        let root = self.create_root(configuration.into())?;
        self.configure(root)
    }

    /// Deletes a root context, as Envoy does when the last stream of an old configuration has ended. Its calls are
    /// cancelled. Envoy forgets to stop its timer, which then fires for nothing as long as the VM lives.
    pub(crate) fn remove_root(&mut self, root: u32) -> Result<(), String> {
        assert!(self.state().streams.values().all(|stream| stream.root != root), "its streams keep the root context");
        self.delete(root)?;
        let removed = self.state_mut().roots.remove(&root).expect("a root context");
        self.state_mut().http_calls.retain(|call| call.root != root);
        let runs_on = !removed.tick_period.is_zero();
        if runs_on { Err("the timer of a deleted root context runs on".to_owned()) } else { Ok(()) }
    }

    /// When the next timer fires, and of which root context.
    pub(crate) fn next_tick(&self) -> Option<(Duration, u32)> {
        self.state().roots.iter().filter_map(|(id, root)| Some((root.next_tick?, *id))).min()
    }

    /// Fires the timer of a root context.
    pub(crate) fn tick(&mut self, root: u32) -> Result<(), String> {
        self.call(root, "proxy_on_tick", &[root])?;
        let now = self.state().process.now();
        let root = self.state_mut().roots.get_mut(&root).expect("a root context");
        root.next_tick = (!root.tick_period.is_zero()).then(|| now + root.tick_period);
        self.settle()
    }

    /// Answers an HTTP call. Envoy never answers a call twice, so it must be one of [`State::http_calls`].
    pub(crate) fn answer(&mut self, token: u32, reply: &Reply) -> Result<(), String> {
        let calls = &mut self.state_mut().http_calls;
        let index = calls.iter().position(|call| call.token == token).expect("a call that has not been answered");
        let root = calls.remove(index).root;
        self.root_mut(root).reply = Some(reply.clone());
        let sizes = [reply.headers.len(), reply.body.len(), reply.trailers.len()].map(|size| size as u32);
        let [headers, body, trailers] = sizes;
        self.call(root, "proxy_on_http_call_response", &[root, token, headers, body, trailers])?;
        self.root_mut(root).reply = None;
        self.settle()
    }

    /// Begins a request of a root context.
    pub(crate) fn open(&mut self, root: u32, mode: Mode) -> Result<u32, String> {
        let id = self.state_mut().new_context();
        self.state_mut().streams.insert(id, Stream::new(root, mode));
        self.call(id, "proxy_on_context_create", &[id, root])?;
        Ok(id)
    }

    /// The headers of a request arrive.
    pub(crate) fn headers(&mut self, stream: u32, headers: Headers, is_end: bool) -> Result<Action, String> {
        let count = self.stream_mut(stream).receive_headers(headers, is_end);
        let action = self.ask(stream, "proxy_on_request_headers", &[count, usize::from(is_end)])?;
        self.stream_mut(stream).answer_headers(action);
        self.settle()?;
        Ok(action)
    }

    /// A part of the body arrives. Returns the answer of its callback, or `None` if Envoy holds it back. After a
    /// response Envoy makes no more callbacks, but here they are made, as the module must not rely on that.
    pub(crate) fn body(&mut self, stream: u32, bytes: &[u8], is_end: bool) -> Result<Option<Action>, String> {
        let Some(arguments) = self.stream_mut(stream).receive_body(bytes, is_end) else { return Ok(None) };
        self.ask_body(stream, arguments)?;
        self.settle()?;
        Ok(self.stream(stream).actions.last().copied())
    }

    /// The trailers arrive, which are the end of the request. Otherwise like [`Vm::body`].
    pub(crate) fn trailers(&mut self, stream: u32, trailers: Headers) -> Result<Option<Action>, String> {
        let Some(count) = self.stream_mut(stream).receive_trailers(trailers) else { return Ok(None) };
        let action = self.ask(stream, "proxy_on_request_trailers", &[count])?;
        self.stream_mut(stream).answer_trailers(action);
        self.settle()?;
        Ok(Some(action))
    }

    /// The request is over, because it was answered or its client has left. Returns its last state.
    pub(crate) fn close(&mut self, stream: u32) -> Result<Stream, String> {
        self.delete(stream)?;
        Ok(self.state_mut().streams.remove(&stream).expect("a stream"))
    }

    fn create_root(&mut self, configuration: Vec<u8>) -> Result<u32, String> {
        let root = self.state_mut().new_context();
        self.state_mut().roots.insert(root, Root { configuration, ..Root::default() });
        self.call(root, "proxy_on_context_create", &[root, 0])?;
        Ok(root)
    }

    fn configure(&mut self, root: u32) -> Result<u32, String> {
        self.root_mut(root).is_configuring = true;
        let size = self.root_mut(root).configuration.len() as u32;
        let configured = self.call(root, "proxy_on_configure", &[root, size])?;
        self.root_mut(root).is_configuring = false;
        self.settle()?;
        match configured {
            Some(0) => Err("on_configure was not true: Envoy would forward requests without the filter".to_owned()),
            _ => Ok(root),
        }
    }

    fn delete(&mut self, context: u32) -> Result<(), String> {
        self.call(context, "proxy_on_done", &[context])?;
        self.call(context, "proxy_on_log", &[context])?;
        self.call(context, "proxy_on_delete", &[context])?;
        self.settle()
    }

    /// Does what Envoy defers until a callback has returned: streams go on. Fails if there is a violation.
    fn settle(&mut self) -> Result<(), String> {
        while let Some(id) = self.state_mut().resumed.pop_front() {
            if self.state().violations.is_empty() && self.state().streams.contains_key(&id) {
                self.resume(id)?;
            }
        }
        let state = self.state_mut();
        let mut violations = std::mem::take(&mut state.violations);
        violations.extend(state.streams.values_mut().flat_map(|stream| std::mem::take(&mut stream.violations)));
        if violations.is_empty() { Ok(()) } else { Err(violations.join("; ")) }
    }

    fn resume(&mut self, id: u32) -> Result<(), String> {
        self.stream_mut(id).resume();
        if let Some(arguments) = self.stream_mut(id).receive_held_body() {
            self.ask_body(id, arguments)?;
        }
        if self.stream(id).response.is_some() {
            return Ok(());
        }
        if let Some(count) = self.stream_mut(id).receive_held_trailers() {
            let mut action = self.ask(id, "proxy_on_request_trailers", &[count])?;
            if let Some(count) = self.stream_mut(id).receive_held_trailers_again(action) {
                action = self.ask(id, "proxy_on_request_trailers", &[count])?;
            }
            self.stream_mut(id).answer_trailers(action);
        }
        Ok(())
    }

    fn ask_body(&mut self, stream: u32, (size, is_end): (usize, bool)) -> Result<(), String> {
        let action = self.ask(stream, "proxy_on_request_body", &[size, usize::from(is_end)])?;
        self.stream_mut(stream).answer_body(action);
        Ok(())
    }

    /// Makes a callback of a stream. A module without it continues.
    fn ask(&mut self, stream: u32, name: &'static str, arguments: &[usize]) -> Result<Action, String> {
        let arguments = arguments.iter().map(|argument| *argument as u32);
        let arguments: Vec<u32> = [stream].into_iter().chain(arguments).collect();
        let action = self.call(stream, name, &arguments)?;
        Ok(if action.unwrap_or(0) == 0 { Action::Continue } else { Action::Pause })
    }

    /// Calls an export; `None` if it does not exist or has no result.
    fn call(&mut self, context: u32, name: &'static str, arguments: &[u32]) -> Result<Option<i32>, String> {
        let state = self.store.data_mut();
        (state.current, state.effective, state.callback) = (context, 0, name);
        state.is_callback_new = true;
        let Some(function) = self.instance.get_func(&self.store, name) else { return Ok(None) };
        let arguments: Vec<Val> = arguments.iter().map(|argument| Val::I32(*argument as i32)).collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        let called = function.call(&mut self.store, &arguments, &mut results);
        called.map_err(|error| format!("the VM crashed in {name}: {error}"))?;
        Ok(results.first().and_then(Val::i32))
    }

    fn root_mut(&mut self, root: u32) -> &mut Root {
        self.state_mut().roots.get_mut(&root).expect("a root context")
    }

    fn stream_mut(&mut self, stream: u32) -> &mut Stream {
        self.state_mut().streams.get_mut(&stream).expect("a stream")
    }
}
