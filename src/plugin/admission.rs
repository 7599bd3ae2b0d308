//! The last step: a proof and a token that may be used only once.

use super::decision::{About, Ask, Stop};
use crate::call::Reply;
use crate::config::Config;
use crate::mapping::Edits;
use crate::rejection::{ProofError, Rejection};
use crate::replay::{Entry, Question, ReplayHost, Verdict};

/// Records the proof and then the token, each if there is one to record, and returns the edits.
///
/// # Errors
/// A403DP when the proof was used before; S403JU, S503JF, S503JS or A403JT; or a question to the engine.
pub(super) fn admit(
    config: &Config,
    proof: Option<Entry>,
    token: Option<Entry>,
    edits: Edits,
    host: ReplayHost,
) -> Result<Edits, Stop> {
    if let Some((policy, entry)) = config.proofs.as_ref().zip(proof)
        && let Verdict::Ask(question, call) = policy.admit(entry, host).map_err(of_proof)?
    {
        return Err(Stop::Ask(Box::new(Ask { call, edits, question, about: About::Proof(token) })));
    }
    if let Some((policy, entry)) = config.replay.as_ref().zip(token)
        && let Verdict::Ask(question, call) = policy.admit(entry, host)?
    {
        return Err(Stop::Ask(Box::new(Ask { call, edits, question, about: About::Token })));
    }
    Ok(edits)
}

/// Takes the reply of the engine about a proof or a token.
///
/// # Errors
/// As for [`admit`].
pub(super) fn answer(config: &Config, ask: Ask, reply: Reply, host: ReplayHost) -> Result<Edits, Stop> {
    let Ask { edits, question, about, .. } = ask;
    match about {
        About::Proof(token) => match answered(config.proofs.as_ref(), question, reply, host).map_err(of_proof)? {
            Verdict::Admitted => admit(config, None, token, edits, host),
            Verdict::Ask(question, call) => {
                Err(Stop::Ask(Box::new(Ask { call, edits, question, about: About::Proof(token) })))
            }
        },
        About::Token => match answered(config.replay.as_ref(), question, reply, host)? {
            Verdict::Admitted => Ok(edits),
            Verdict::Ask(question, call) => {
                Err(Stop::Ask(Box::new(Ask { call, edits, question, about: About::Token })))
            }
        },
    }
}

fn answered(
    policy: Option<&crate::replay::ReplayPolicy>,
    question: Question,
    reply: Reply,
    host: ReplayHost,
) -> Result<Verdict, Rejection> {
    policy.ok_or(Rejection::EngineUnavailable)?.answer(question, reply, host)
}

/// The rejection of a proof instead of that of a token.
fn of_proof(rejection: Rejection) -> Rejection {
    match rejection {
        Rejection::JtiUsed => ProofError::Used.into(),
        Rejection::Expired { .. } => ProofError::Claim("iat").into(),
        other => other,
    }
}
