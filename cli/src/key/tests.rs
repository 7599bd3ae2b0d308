use super::*;

/// The error of a key.
fn problem(jwk: &Jwk, requested: Option<Algorithm>) -> String {
    match SigningKey::from_jwk(jwk, requested) {
        Ok(_) => "nothing".to_owned(),
        Err(failure) => failure.to_string(),
    }
}

fn new(algorithm: Algorithm) -> Jwk {
    generate(algorithm, RsaBits::Bits2048).unwrap_or_else(|failure| panic!("{failure}"))
}

fn changed(jwk: &Jwk, change: impl FnOnce(&mut Jwk)) -> Jwk {
    let mut jwk = jwk.clone();
    change(&mut jwk);
    jwk
}

#[test]
fn a_public_jwk_has_no_private_member_and_a_secret_has_none() {
    for algorithm in Algorithm::ALL {
        let jwk = changed(&new(algorithm), |jwk| jwk.kid = Some("k".to_owned()));
        let key = SigningKey::from_jwk(&jwk, None).unwrap_or_else(|failure| panic!("{failure}"));
        let members = key.public_jwk().map(|public| {
            let json: serde_json::Value = serde_json::from_str(&public.to_json()).expect("JSON");
            json.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ")
        });
        let expected = match Family::for_algorithm(algorithm) {
            Family::Rsa => Some("alg e kid kty n use"),
            Family::Ec(_) => Some("alg crv kid kty use x y"),
            Family::Ed25519 => Some("alg crv kid kty use x"),
            Family::Oct => None,
        };
        assert_eq!(members.as_deref(), expected, "{algorithm:?}");
    }
}

#[test]
fn rsa_keys_have_the_length_asked_for() {
    for (bits, bytes) in [(RsaBits::Bits2048, 256), (RsaBits::Bits3072, 384)] {
        let jwk = generate(Algorithm::Ps256, bits).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(jwk.n.as_ref().map(|n| n.len() * 3 / 4), Some(bytes));
        assert_eq!(problem(&jwk, None), "nothing");
    }
}

#[test]
fn rsa_keys_are_read_without_primes_and_with_right_ones_alone() {
    let (jwk, other) = (new(Algorithm::Rs256), new(Algorithm::Rs256));
    let without = changed(&jwk, |jwk| (jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi) = (None, None, None, None, None));
    let short = || Some("AQAB".to_owned().into());
    for (jwk, expected) in [
        (without.clone(), "nothing"),
        (changed(&jwk, |jwk| (jwk.p, jwk.q) = (jwk.q.clone(), jwk.p.clone())), "nothing"),
        (changed(&jwk, |jwk| jwk.q = None), "the key: p without q"),
        (changed(&jwk, |jwk| jwk.p = None), "the key: q without p"),
        (changed(&jwk, |jwk| jwk.p = other.p.clone()), "the key: n, e and d are not from the same key"),
        (changed(&jwk, |jwk| jwk.p = Some("AQ".to_owned().into())), "the key: n, e and d are not from the same key"),
        (changed(&without, |jwk| jwk.d = other.d.clone()), "the key: n, e and d are not from the same key"),
        (changed(&without, |jwk| jwk.d = short()), "the key: n, e and d are not from the same key"),
        (changed(&without, |jwk| jwk.d = Some("".to_owned().into())), "the key: n, e and d are not from the same key"),
        (changed(&without, |jwk| jwk.n = other.n.clone()), "the key: n, e and d are not from the same key"),
        (changed(&jwk, |jwk| jwk.e = Some("Aw".to_owned())), "the key: expected AQAB (65537) as e"),
        (changed(&jwk, |jwk| jwk.n = Some("AQAB".to_owned())), "the key: expected an n of 2048 to 4096 bits"),
        (changed(&jwk, |jwk| jwk.n = None), "the key: n is missing"),
        (changed(&jwk, |jwk| jwk.d = None), "the key: d is missing, so the key can't sign"),
        (changed(&jwk, |jwk| jwk.d = Some("a+b".to_owned().into())), "the key: d is not unpadded base64url"),
    ] {
        assert_eq!(problem(&jwk, None), expected);
    }
}

#[test]
fn a_point_belongs_to_its_scalar() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::Es256k] {
        let (jwk, other) = (new(algorithm), new(algorithm));
        let size = match algorithm {
            Algorithm::Es384 => 48,
            Algorithm::Es512 => 66,
            _ => 32,
        };
        let zero = |bytes: usize| Some("A".repeat((bytes * 8).div_ceil(6)));
        let mismatch = "the key: d, x and y are not from the same key".to_owned();
        let length = format!("the key: expected {size} bytes in each of d, x and y");
        for (jwk, expected) in [
            (changed(&jwk, |jwk| jwk.d = other.d.clone()), &mismatch),
            (changed(&jwk, |jwk| (jwk.x, jwk.y) = (other.x.clone(), other.y.clone())), &mismatch),
            (changed(&jwk, |jwk| jwk.x = other.x.clone()), &mismatch),
            (changed(&jwk, |jwk| (jwk.x, jwk.y) = (zero(size), zero(size))), &mismatch),
            (changed(&jwk, |jwk| jwk.d = zero(size).map(Into::into)), &mismatch),
            (changed(&jwk, |jwk| jwk.d = zero(size - 1).map(Into::into)), &length),
            (changed(&jwk, |jwk| jwk.x = zero(size + 1)), &length),
        ] {
            assert_eq!(&problem(&jwk, None), expected, "{algorithm:?}");
        }
    }
    let (jwk, other) = (new(Algorithm::EdDsa), new(Algorithm::EdDsa));
    let mixed = changed(&jwk, |jwk| jwk.d = other.d.clone());
    let short = changed(&jwk, |jwk| jwk.d = Some("AQAB".to_owned().into()));
    assert_eq!([mixed, short].map(|jwk| problem(&jwk, None)), ["the key: d and x are not from the same key"; 2]);
}

#[test]
fn a_secret_is_as_long_as_its_hash() {
    for (algorithm, bytes) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        let jwk = new(algorithm);
        // A byte less, whatever its bits.
        let shorter = changed(&jwk, |jwk| jwk.k = Some("A".repeat(((bytes - 1) * 8_usize).div_ceil(6)).into()));
        assert_eq!(problem(&jwk, None), "nothing");
        let expected = format!("the key: {} needs a k of {bytes} bytes or more", algorithm.name());
        assert_eq!(problem(&shorter, None), expected);
    }
}

#[test]
fn the_algorithm_is_that_of_the_key_or_one_asked_for_that_fits() {
    let named = new(Algorithm::Rs256);
    let unnamed = changed(&named, |jwk| jwk.alg = None);
    let curve = changed(&new(Algorithm::Es384), |jwk| jwk.alg = None);
    let chosen = |jwk: &Jwk, requested| SigningKey::from_jwk(jwk, requested).ok().map(|key| key.algorithm());
    assert_eq!(chosen(&named, None), Some(Algorithm::Rs256));
    assert_eq!(chosen(&named, Some(Algorithm::Ps512)), Some(Algorithm::Ps512));
    assert_eq!(chosen(&unnamed, Some(Algorithm::Rs384)), Some(Algorithm::Rs384));
    assert_eq!(chosen(&curve, None), Some(Algorithm::Es384));
    // The older name, which every verifier knows; the newer one for who asks for it.
    let edwards = changed(&new(Algorithm::Ed25519), |jwk| jwk.alg = None);
    assert_eq!(chosen(&edwards, None), Some(Algorithm::EdDsa));
    assert_eq!(chosen(&edwards, Some(Algorithm::Ed25519)), Some(Algorithm::Ed25519));
    assert_eq!(chosen(&new(Algorithm::Ed25519), None), Some(Algorithm::Ed25519));

    assert_eq!(problem(&unnamed, None), "the key has no alg, and several algorithms suit it");
    let family = "RS256, RS384, RS512, PS256, PS384, PS512";
    assert_eq!(
        problem(&named, Some(Algorithm::Es256)),
        format!("ES256 does not suit the key; expected one of {family}")
    );
    let lying = changed(&named, |jwk| jwk.alg = Some("HS256".to_owned()));
    assert_eq!(problem(&lying, None), format!("the key: alg does not suit the key; expected one of {family}"));
}

#[test]
fn a_key_is_for_signing_and_has_a_name_that_the_filter_takes_or_none() {
    let jwk = new(Algorithm::EdDsa);
    let operations = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
    for (jwk, expected) in [
        (
            changed(&jwk, |jwk| jwk.usage = Some("enc".to_owned())),
            "the key: use is not sig, so the key is not for signatures",
        ),
        (changed(&jwk, |jwk| jwk.key_ops = operations(&["verify"])), "the key: key_ops does not include sign"),
        (changed(&jwk, |jwk| jwk.key_ops = operations(&["verify", "sign"])), "nothing"),
        (changed(&jwk, |jwk| jwk.usage = None), "nothing"),
        (changed(&jwk, |jwk| jwk.kid = Some("a b".to_owned())), "nothing"),
        (
            changed(&jwk, |jwk| jwk.kid = Some(String::new())),
            "the key: kid: expected a non-empty string without control characters",
        ),
        (
            changed(&jwk, |jwk| jwk.kid = Some("a\nb".to_owned())),
            "the key: kid: expected a non-empty string without control characters",
        ),
        (changed(&jwk, |jwk| jwk.crv = Some("X25519".to_owned())), "the key: unsupported kty or crv"),
        (changed(&jwk, |jwk| jwk.kty = "oct".to_owned()), "the key: unsupported kty or crv"),
    ] {
        assert_eq!(problem(&jwk, None), expected);
    }
}
