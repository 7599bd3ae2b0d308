//! `remoteJwks` on live Envoys, with a key server that misbehaves on command.

mod rotation;
mod selection;
mod setup;
