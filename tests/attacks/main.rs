//! Every known attack on filters of this kind, run against the module in real Envoys. The name of a test begins with
//! the class of the attack, T1 to T24; `docs/attacks.md` describes each class and what stops it.

/// Lists the attacks of a module and makes a test for each. An entry is the name of the test, the ways of verifying
/// signatures that it runs with, and the function that makes its rows.
macro_rules! attacks {
    ($($name:ident: $backends:ident, $rows:ident;)*) => {
        pub(crate) const ATTACKS: &[crate::trials::Attack] =
            &[$(crate::trials::Attack { name: stringify!($name), backends: crate::trials::$backends, rows: $rows }),*];

        $(
            #[test]
            fn $name() {
                crate::trials::verdict(stringify!($name));
            }
        )*
    };
}

mod algorithms;
mod answers;
mod arena;
mod cache;
mod configuration;
mod encodings;
mod finding;
mod http2;
mod injection;
mod json;
mod keys;
mod lenient;
mod material;
mod memory;
mod methods;
mod ownership;
mod possession;
mod proofs;
mod race;
mod replay;
mod routes;
mod scalars;
mod scopes;
mod signatures;
mod storm;
mod times;
mod tokens;
mod trials;
mod upgrade;

/// The attacks of all modules.
fn attacks() -> impl Iterator<Item = &'static trials::Attack> {
    [
        algorithms::ATTACKS,
        cache::ATTACKS,
        configuration::ATTACKS,
        finding::ATTACKS,
        injection::ATTACKS,
        json::ATTACKS,
        keys::ATTACKS,
        lenient::ATTACKS,
        material::ATTACKS,
        methods::ATTACKS,
        ownership::ATTACKS,
        possession::ATTACKS,
        proofs::ATTACKS,
        replay::ATTACKS,
        scalars::ATTACKS,
        scopes::ATTACKS,
        signatures::ATTACKS,
        times::ATTACKS,
        tokens::ATTACKS,
    ]
    .into_iter()
    .flatten()
}
