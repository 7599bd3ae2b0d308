//! The answers that clients got in a drill, and what must be true of them, whatever happened to the engine.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use kit::envoy;
use kit::http::Connection;

use crate::setup::{Fleet, Verdict, bytes, token};

/// How long [`eventually`] waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// The verdicts that a drill counts.
pub(crate) const VERDICTS: [Verdict; 3] = [Verdict::Accepted, Verdict::Used, Verdict::Unavailable];

/// How many of the last tokens a client sends again.
const RECENT: usize = 40;

/// How long a client waits before its next request, so that a small machine is not only busy with clients.
const PAUSE: Duration = Duration::from_millis(2);

/// The newest Envoy, for drills that don't depend on its version.
pub(crate) fn newest_envoy() -> PathBuf {
    envoy::binaries().pop().unwrap()
}

/// The last parts of the path of a binary.
pub(crate) fn name(binary: &Path) -> String {
    let parts: Vec<_> = binary.iter().map(|part| part.to_string_lossy()).collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}

/// The seed of a drill, which it prints: that of the environment variable `SEED`, or a new one.
pub(crate) fn seed() -> u64 {
    let seed = std::env::var("SEED").ok().map(|text| text.parse().expect("SEED is a number"));
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    seed
}

/// An answer to a client. Its times are those since the drill began.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The index of the token.
    pub(crate) token: usize,
    pub(crate) envoy: usize,
    pub(crate) verdict: Verdict,
    /// When the client began to send.
    pub(crate) from: Duration,
    /// When the client had the whole answer.
    pub(crate) to: Duration,
}

/// A connection to each Envoy.
pub(crate) fn connect(fleet: &Fleet) -> Vec<Connection> {
    (0..fleet.proxies.len()).map(|envoy| Connection::open(&fleet.address(envoy)).unwrap()).collect()
}

/// The tokens and answers of a drill.
pub(crate) struct Record {
    start: Instant,
    tokens: Mutex<Vec<String>>,
    answers: Mutex<Vec<Answer>>,
}

impl Record {
    pub(crate) fn new() -> Self {
        Self::with_tokens(0)
    }

    /// Begins with so many tokens.
    pub(crate) fn with_tokens(count: usize) -> Self {
        let tokens: Vec<_> = (0..count).map(|index| token(&Self::jti(index))).collect();
        Self { start: Instant::now(), tokens: Mutex::new(tokens), answers: Mutex::default() }
    }

    /// The time since the drill began.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The `jti` of a token.
    pub(crate) fn jti(index: usize) -> String {
        format!("drill-{index}")
    }

    /// All tokens sent so far.
    pub(crate) fn tokens(&self) -> Vec<String> {
        lock(&self.tokens).clone()
    }

    /// All answers so far, in the order in which they came.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        lock(&self.answers).clone()
    }

    /// Asks an Envoy about a token, and records the answer. The Envoy must answer, because no drill harms one.
    pub(crate) fn ask(&self, connection: &mut Connection, envoy: usize, index: usize) -> Verdict {
        let token = lock(&self.tokens)[index].clone();
        let from = self.now();
        connection.send(&bytes(&token)).unwrap();
        let verdict = Verdict::of(&token, &connection.receive().unwrap());
        let answer = Answer { token: index, envoy, verdict: verdict.clone(), from, to: self.now() };
        lock(&self.answers).push(answer);
        verdict
    }

    /// Lets `clients` send tokens to all Envoys in random order, new ones and recent ones, while `faults` runs. Returns
    /// what `faults` returns.
    pub(crate) fn under_load<T>(&self, fleet: &Fleet, clients: usize, seed: u64, faults: impl FnOnce() -> T) -> T {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for client in 0..clients {
                let is_over = &is_over;
                let mut random = Rng::with_seed(seed ^ (client as u64 + 1));
                scope.spawn(move || {
                    let mut connections = connect(fleet);
                    while !is_over.load(Ordering::SeqCst) {
                        let (index, envoy) = (self.next(&mut random), random.usize(..connections.len()));
                        self.ask(&mut connections[envoy], envoy, index);
                        thread::sleep(PAUSE);
                    }
                });
            }
            // Ends the load also when `faults` panics.
            let _over = Over(&is_over);
            faults()
        })
    }

    /// Asks again about each token, at another Envoy than before: one that was accepted or used is used. Of the others,
    /// for which the engine did not answer, returns how many are accepted now, and how many turn out to be used.
    ///
    /// # Panics
    /// When a token gets another answer.
    pub(crate) fn ask_again(&self, fleet: &Fleet) -> (usize, usize) {
        let mut connections = connect(fleet);
        let (mut accepted, mut used) = (0, 0);
        for answers in self.by_token() {
            let is_open = answers.iter().all(|answer| answer.verdict == Verdict::Unavailable);
            let before = answers.iter().find(|answer| answer.verdict == Verdict::Accepted).unwrap_or(&answers[0]);
            let envoy = (before.envoy + 1) % connections.len();
            match self.ask(&mut connections[envoy], envoy, before.token) {
                Verdict::Accepted if is_open => accepted += 1,
                Verdict::Used if is_open => used += 1,
                Verdict::Used => {}
                other => panic!("{other:?} at the end for a token with the answers {answers:?}"),
            }
        }
        (accepted, used)
    }

    /// The answers about each token.
    pub(crate) fn by_token(&self) -> Vec<Vec<Answer>> {
        let mut by_token = vec![Vec::new(); lock(&self.tokens).len()];
        for answer in self.answers() {
            by_token[answer.token].push(answer);
        }
        by_token
    }

    /// Fails if a token was accepted twice, a backend got other requests than the accepted ones, a token was used though
    /// no request can have used it, an answer is no [`Verdict`], or a module failed.
    pub(crate) fn assert_once(&self, fleet: &Fleet) {
        let mut wrong = Vec::new();
        let mut reached: Vec<_> = (0..fleet.proxies.len()).map(|envoy| reached(fleet, envoy)).collect();
        let tokens = self.tokens();
        for (index, answers) in self.by_token().iter().enumerate() {
            let accepted: Vec<_> = answers.iter().filter(|answer| answer.verdict == Verdict::Accepted).collect();
            let at_backends: Vec<_> =
                reached.iter_mut().map(|reached| reached.remove(&tokens[index]).unwrap_or(0)).collect();
            let expected: Vec<_> = (0..fleet.proxies.len())
                .map(|envoy| accepted.iter().filter(|answer| answer.envoy == envoy).count())
                .collect();
            if accepted.len() > 1 || at_backends != expected {
                wrong.push(format!("the backends got token {index} {at_backends:?} times: {answers:?}"));
            }
            let may_have_used = |answer: &Answer| matches!(answer.verdict, Verdict::Accepted | Verdict::Unavailable);
            for used in answers.iter().filter(|answer| answer.verdict == Verdict::Used) {
                if !answers.iter().any(|other| may_have_used(other) && other.from < used.to) {
                    wrong.push(format!("token {index} was used by nobody: {answers:?}"));
                }
            }
            wrong.extend(
                answers
                    .iter()
                    .filter(|answer| matches!(answer.verdict, Verdict::Other(_)))
                    .map(|answer| format!("{answer:?}")),
            );
        }
        wrong.extend(reached.iter().flat_map(HashMap::keys).map(|token| format!("a backend got {token}, never sent")));
        let count = wrong.len();
        assert!(count == 0, "{count} failures:\n{}", wrong[..count.min(20)].join("\n"));
        fleet.assert_healthy(&tokens.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// A new token, or a recent one.
    fn next(&self, random: &mut Rng) -> usize {
        let is_new = random.bool();
        let count = lock(&self.tokens).len();
        if !is_new && count > 0 {
            return count - 1 - random.usize(..count.min(RECENT));
        }
        let mut tokens = lock(&self.tokens);
        let token = token(&Self::jti(tokens.len()));
        tokens.push(token);
        tokens.len() - 1
    }
}

/// The answers whose requests were sent and answered in a time.
pub(crate) fn within(answers: &[Answer], from: Duration, to: Duration) -> Vec<&Answer> {
    answers.iter().filter(|answer| answer.from >= from && answer.to <= to).collect()
}

/// The counters of each Envoy about the engine, as [`Fleet::counted`] gives them.
pub(crate) fn counted(fleet: &Fleet) -> Vec<BTreeMap<String, u64>> {
    thread::scope(|scope| {
        let count = |envoy| scope.spawn(move || fleet.counted(envoy));
        let counting: Vec<_> = (0..fleet.proxies.len()).map(count).collect();
        counting.into_iter().map(|counting| counting.join().unwrap()).collect()
    })
}

/// How many of the answers are this verdict.
pub(crate) fn count(answers: &[&Answer], verdict: &Verdict) -> usize {
    answers.iter().filter(|answer| answer.verdict == *verdict).count()
}

/// Waits until `is_so`. Fails after 30 s.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Ends the load when it is dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// How many requests with each token the backend of an Envoy got.
fn reached(fleet: &Fleet, envoy: usize) -> HashMap<String, usize> {
    let mut reached = HashMap::new();
    for connection in fleet.proxies[envoy].upstream.received() {
        for line in String::from_utf8_lossy(&connection).lines() {
            if let Some(token) = line.strip_prefix("x-token: ") {
                *reached.entry(token.to_owned()).or_default() += 1;
            }
        }
    }
    reached
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
