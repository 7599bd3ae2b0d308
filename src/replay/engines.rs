//! The engines that keep used `jti`s for several Envoys. Each is a question in bytes, and what its bytes answer.
#![allow(dead_code)]

mod answer;
mod etcd;
mod redis;
