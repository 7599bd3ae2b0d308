"""The published tokens, each verified by two libraries, and tokens signed with the sample key of the page."""

import joserfc.jwk
import joserfc.jws
import jwcrypto.jwk
import jwcrypto.jws
from cryptography.hazmat.primitives.asymmetric import rsa

import published
from collect import NOW, Vectors, claims_of, dress, rfc3339
from libraries import Jwcrypto, Key, Pyjwt, b64, hazmat_from_jwk, unb64

RFC_NOW = 1300819379  # one second before their exp
RFC_CLAIMS = {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}


def flipped(token):
    head, _, signature = token.rpartition(".")
    raw = bytearray(unb64(signature))
    raw[0] ^= 1
    return f"{head}.{b64(bytes(raw))}"


def verified_by_two(alg, jwk, token):
    joserfc.jws.deserialize_compact(token, joserfc.jwk.import_key(jwk), algorithms=[alg])
    jws = jwcrypto.jws.JWS()
    jws.allowed_algs = [alg]
    jws.deserialize(token, jwcrypto.jwk.JWK(**jwk))


def rfcs():
    out = Vectors("The tokens of RFC 7515 appendix A, RFC 7520 section 4 and RFC 8037 appendix A.4.")
    for name, alg, jwk, token in published.RFC7515:
        verified_by_two(alg, jwk, token)
        out.ok(f"{name}, a second before exp", name, alg, jwk, token, RFC_CLAIMS, now=RFC_NOW, only_at_now=True)
        out.ok(f"{name}, expiration ignored", name, alg, jwk, token, RFC_CLAIMS, ignore=True)
        out.ok(f"{name}, expiration ignored, a second before exp", name, alg, jwk, token, RFC_CLAIMS, now=RFC_NOW,
               ignore=True)
        for what, now in (("at exp", RFC_CLAIMS["exp"]), ("in 2023", NOW)):
            out.add(f"{name}, {what}", name, alg, jwk, token, "A403JE", RFC_CLAIMS, now=now,
                    message=f"JWT is expired at {rfc3339(RFC_CLAIMS['exp'])}")
        out.add(f"{name}, a bit of the signature flipped", name, alg, jwk, flipped(token), "A403JT", RFC_CLAIMS,
                now=RFC_NOW, signature_only=True)
    a2 = published.RFC7515[1][2]
    for ignore in (False, True):
        out.add(f"RFC 7515 A.5 (unsecured) against the key of A.2{', expiration ignored' * ignore}", "RFC 7515 A.5",
                "none", a2, published.RFC7515_A5, "A403JT", RFC_CLAIMS, now=RFC_NOW, ignore=ignore)
    for name, alg, jwk, token in [published.RFC7515_A4, published.RFC8037_A4, *published.RFC7520]:
        verified_by_two(alg, jwk, token)
        rfc = name.split(" (")[0]
        out.add(f"{name}: a good signature over what is no JSON", rfc, alg, jwk, token, "I400JD")
        out.add(f"{name}: a bit of the signature flipped", rfc, alg, jwk, flipped(token), "A403JT", signature_only=True)
    name, alg, jwk, token = published.RFC7520_DETACHED
    out.add(f"{name}: no signature over an empty payload", "RFC 7520 4.5", alg, jwk, token, "A403JT")
    return out


def page():
    """The sample key has only n, e and d. Its primes are computed from them."""
    out = Vectors("Tokens signed with the sample private key of the page (n, e and d; kid myJwtKey).")
    n, e, d = (published.number(published.PAGE_KEY[name]) for name in "ned")
    p, q = rsa.rsa_recover_prime_factors(n, e, d)
    parts = {"p": p, "q": q, "dp": d % (p - 1), "dq": d % (q - 1), "qi": pow(q, -1, p)}
    private = {k: published.PAGE_KEY[k] for k in ("kty", "n", "e", "d")} | {
        k: b64(v.to_bytes((v.bit_length() + 7) // 8, "big")) for k, v in parts.items()
    }
    hazmat = hazmat_from_jwk(private)
    public = dress({k: private[k] for k in ("kty", "e", "n")}, "RS256", "myJwtKey", "sig")
    natives = ((Jwcrypto(), jwcrypto.jwk.JWK(**private)), (Pyjwt(), hazmat))
    for number, (library, native) in enumerate(natives, 4000):
        claims = claims_of(number, sub="YOUR_SUBJECT", aud="YOUR_AUDIENCE", userId="1213234", email="user@example.com")
        token = library.sign("RS256", Key(native, hazmat, public), {"kid": "myJwtKey"}, claims)
        out.ok(f"the page's key, {library.name}", library.name, "RS256", public, token, claims)
    return out
