//! Every known attack on a filter like this one, tried on the module in real Envoys. A test is named for its class, T1 to
//! T22; `docs/attacks.md` says which class stands for what and what stops it.

/// Lists attacks of a module, each as the name of its test, the checks of signatures that it is tried with, and the
/// function that gives its rows; and makes the tests.
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
mod race;
mod replay;
mod routes;
mod scalars;
mod signatures;
mod storm;
mod times;
mod tokens;
mod trials;
mod upgrade;

/// Every attack of every module that lists some.
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
        replay::ATTACKS,
        scalars::ATTACKS,
        signatures::ATTACKS,
        times::ATTACKS,
        tokens::ATTACKS,
    ]
    .into_iter()
    .flatten()
}
