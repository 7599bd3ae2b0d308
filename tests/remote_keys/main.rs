//! `remoteJwks` on live Envoys, with a key server that misbehaves on command.

mod answers;
mod crowd;
mod discovery;
mod drill;
mod flood;
mod issuers;
mod reach;
mod rotation;
mod selection;
mod sets;
mod setup;
mod sharing;
mod staged;
mod trial;
mod unknown_kid;
mod waiting;
