//! The commands to try, each with a comment that says what to expect.

use std::path::Path;

use crate::requests::{TOKEN_OF, line, token_request};

/// How long the walk waits after nodes were killed or started, in seconds: until Envoy's health checks have noticed it
/// and etcd has a leader.
const PAUSE: u8 = 4;

/// The values in the commands.
pub(super) struct Walk<'a> {
    /// The ports of the two Envoys.
    pub(super) envoys: [u16; 2],
    /// The port of the first one's admin interface.
    pub(super) admin: u16,
    /// The port of the token service.
    pub(super) tokens: u16,
    /// The folder for files.
    pub(super) run: &'a Path,
    /// The command that kills a node of etcd, counted from 1.
    pub(super) kill: &'a dyn Fn(u8) -> String,
    /// The command that starts all dead nodes.
    pub(super) start: &'a str,
}

impl Walk<'_> {
    /// All commands.
    pub(super) fn text(&self) -> String {
        let [first, second] = self.envoys;
        [
            self.get("get a token", "one"),
            self.send("200: the first Envoy accepts it", first, "one"),
            self.send("403 S403JU: the second Envoy knows from etcd that it is used", second, "one"),
            self.pause("kill a node of etcd", &(self.kill)(1)),
            self.get("get another token", "two"),
            self.send("200: two nodes of three are enough, so the second Envoy accepts it", second, "two"),
            self.send("403 S403JU: the first Envoy knows from etcd that it is used", first, "two"),
            self.send("403 S403JU: the first token is still used", second, "one"),
            self.pause("kill another node", &(self.kill)(2)),
            self.get("get a third token", "three"),
            self.send("503 S503JS: one node alone can't know, so no Envoy accepts it", first, "three"),
            self.send("403 S403JU: what an Envoy knows to be used, it rejects without etcd", first, "two"),
            self.pause("start both nodes again", self.start),
            self.get("get a fourth token", "four"),
            self.send("200: etcd answers again", first, "four"),
            self.send("403 S403JU: also to the second Envoy", second, "four"),
            line(
                "200: how often the first Envoy has asked etcd, and how often etcd has not answered",
                self.admin,
                "/stats?filter=jti_store",
                "",
            ),
        ]
        .concat()
    }

    /// Gets a token and keeps it in a file.
    fn get(&self, comment: &str, name: &str) -> String {
        format!("# {comment}\ncurl -sS {} | {TOKEN_OF} > {}\n\n", token_request(self.tokens), self.file(name))
    }

    /// Sends the token of a file.
    fn send(&self, expected: &str, port: u16, name: &str) -> String {
        line(expected, port, "/hello", &format!(" -H \"Authorization: Bearer $(cat {})\"", self.file(name)))
    }

    fn pause(&self, comment: &str, command: &str) -> String {
        format!("# {comment}\n{command}; sleep {PAUSE}\n\n")
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}.txt", self.run.display())
    }
}
