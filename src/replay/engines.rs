//! The engines that keep used `jti`s for several Envoys. Each is a question in bytes, and what its bytes answer.

mod answer;
mod etcd;
mod events;
mod failure;
mod inquiry;
mod jti_store;
mod redis;

pub use answer::MAX_ANSWER_BYTES;
pub use events::EngineEvents;
pub(crate) use events::EngineTally;
pub use failure::EngineFailure;
pub(crate) use inquiry::{Inquiry, Progress};
pub use jti_store::{Engine, JtiStore};
