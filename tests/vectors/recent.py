"""ES512, and the name Ed25519 of RFC 9864 beside EdDSA."""

import genuine
import tampered
from collect import RAW, Vectors, claims_of, dress, raw_token
from libraries import RECENT_ALGS, SIGNERS, b64, unb64


def vectors():
    out = Vectors("ES512, and the name Ed25519 of RFC 9864; made by make.py as independent.json is.")
    keys = genuine.every_algorithm(out, RECENT_ALGS)
    genuine.ecdsa_corners(out, keys)
    tampered.signatures(out, keys, RECENT_ALGS)
    tampered.ecdsa(out, keys)
    p521(out, keys)
    two_names(out, keys)
    return out


def p521(out, keys):
    """The order of this curve has seven bits less than its bytes. So r + n and s + n fit, and also seven extra bits."""
    library = SIGNERS[0]
    key = keys[library.name, "ES512"]
    jwk = dress(key.public, "ES512")
    signed, _, text = library.sign("ES512", key, {}, claims_of(7000)).rpartition(".")
    r, s, half = genuine.ecdsa_parts(unb64(text))
    n, bit = genuine.ORDERS["ES512"], 1 << 521
    for what, a, b in [
        ("r + n", r + n, s), ("s + n", r, s + n), ("both and n", r + n, s + n), ("r + 2^521", r + bit, s),
        ("s + 2^521", r, s + bit), ("the top bit of r set", r | 1 << 527, s),
    ]:
        out.add(f"ES512 signature: {what}", library.name, "ES512", jwk,
                f"{signed}.{b64(a.to_bytes(half, 'big') + b.to_bytes(half, 'big'))}", "A403JT", signature_only=True)
    short = b64(unb64(text)[1:half] + unb64(text)[half + 1:])
    out.add("ES512 signature: 65 bytes of each number", library.name, "ES512", jwk, f"{signed}.{short}", "A403JT",
            signature_only=True)
    for other, curve in (("ES256", "P-256"), ("ES384", "P-384")):
        foreign = SIGNERS[1].generate(other)
        out.add(f"ES512 key, token of {curve} that says {other}", SIGNERS[1].name, other, jwk,
                SIGNERS[1].sign(other, foreign, {}, claims_of(7001)), "A403JT")
        out.add(f"ES512 key, signature of {curve} under ES512", RAW, other, jwk,
                raw_token(other, foreign.hazmat, {"alg": "ES512"}, claims_of(7002)), "A403JT")
    out.add("ES512 signature under ES256, key of P-521 without alg", RAW, "ES512", dress(key.public),
            raw_token("ES512", key.hazmat, {"alg": "ES256"}, claims_of(7003)), "A403JT")


def two_names(out, keys):
    """One signature algorithm with two names [RFC 9864 2.2]. A key that names one of them allows only that one."""
    library = SIGNERS[1]
    key = keys[library.name, "Ed25519"]
    for number, (named, said) in enumerate(
            [("EdDSA", "EdDSA"), ("Ed25519", "Ed25519"), (None, "EdDSA"), (None, "Ed25519")], 7100):
        claims = claims_of(number)
        out.ok(f"{said} token, key {'for ' + named if named else 'without alg'}", library.name, said,
               dress(key.public, named), library.sign(said, key, {}, claims), claims)
    for number, (named, said) in enumerate([("EdDSA", "Ed25519"), ("Ed25519", "EdDSA")], 7110):
        out.add(f"{said} token, key for {named}", library.name, said, dress(key.public, named),
                library.sign(said, key, {}, claims_of(number)), "A403JT",
                message=f"Invalid JWT: alg {said} is not allowed for this key",
                note="a right signature under the other name, which a library may take for the same")
    for said in ("ed25519", "Ed448", "ED25519", "Ed25519 "):
        out.add(f"{said!r} in the header, key without alg", RAW, "EdDSA", dress(key.public),
                raw_token("EdDSA", key.hazmat, {"alg": said}, claims_of(7120)), "A403JT")
