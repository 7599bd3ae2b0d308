"""Thirty keys, the same in every run, and functions that sign with them. Private keys stay in memory."""

import hashlib
import hmac
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vectors"))
from libraries import CURVES, HAZMAT_CURVES, HMAC_ALGS, RSA_ALGS, b64  # noqa: E402

HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    "ES256K": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
}


@dataclass
class Key:
    family: str  # RSA, ES256, ES384, ES256K, EdDSA or oct
    hazmat: object  # the private key, or the bytes of the secret
    jwk: dict  # the JWK in the configuration
    weight: int  # how often the key is used; RSA less often, because its signatures are long

    @property
    def algs(self):
        """The algorithms that the key can sign with."""
        return {"RSA": RSA_ALGS, "oct": HMAC_ALGS}.get(self.family, [self.family])

    @property
    def alg(self):
        return self.jwk.get("alg") or self.algs[0]


def prime(random, bits):
    while True:
        n = random.getrandbits(bits) | 3 << bits - 2 | 1
        if n % 65537 != 1 and all(pow(a, n - 1, n) == 1 for a in (2, 3, 5, 7, 11, 13)):
            return n


def rsa_key(random):
    p, q = prime(random, 1024), prime(random, 1024)
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, public).private_key()


def uint(number, size=None):
    return b64(number.to_bytes(size or (number.bit_length() + 7) // 8, "big"))


def make(random, family, size=64):
    """(private key, public members)"""
    if family == "RSA":
        key = rsa_key(random)
        numbers = key.public_key().public_numbers()
        return key, {"kty": "RSA", "n": uint(numbers.n), "e": "AQAB"}
    if family == "EdDSA":
        key = ed25519.Ed25519PrivateKey.from_private_bytes(random.randbytes(32))
        return key, {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_key().public_bytes_raw())}
    if family == "oct":
        secret = random.randbytes(size)
        return secret, {"kty": "oct", "k": b64(secret)}
    key = ec.derive_private_key(random.randrange(1, ORDERS[family]), HAZMAT_CURVES[family]())
    numbers = key.public_key().public_numbers()
    length = 48 if family == "ES384" else 32
    return key, {"kty": "EC", "crv": CURVES[family], "x": uint(numbers.x, length), "y": uint(numbers.y, length)}


def all_keys(random):
    plan = [
        *(("RSA", alg, 1, 0) for alg in (None, "RS256", "PS256", "RS512")),
        *(("ES256", alg, 4, 0) for alg in (None, "ES256", None, "ES256")),
        *(("ES384", alg, 2, 0) for alg in (None, "ES384", None, "ES384")),
        *(("ES256K", alg, 2, 0) for alg in (None, "ES256K", None, "ES256K")),
        *(("EdDSA", alg, 5, 0) for alg in (None, "EdDSA", None, "EdDSA", None, "EdDSA")),
        ("oct", None, 4, 64), ("oct", None, 3, 32), ("oct", None, 2, 48), ("oct", "HS256", 4, 32),
        ("oct", "HS256", 4, 64), ("oct", "HS384", 2, 48), ("oct", "HS512", 2, 64), ("oct", "HS512", 2, 100),
    ]
    keys = []
    for number, (family, alg, weight, size) in enumerate(plan):
        hazmat, jwk = make(random, family, size)
        if alg:
            jwk["alg"] = alg
        if number % 4 > 1:
            jwk["kid"] = f"k{number}"
        keys.append(Key(family, hazmat, jwk, weight))
    return keys


def sign(key, alg, data):
    """A deterministic signature with any algorithm that the key supports."""
    if alg in HMAC_ALGS:
        return hmac.new(key.hazmat, data, "sha" + alg[2:]).digest()
    if alg == "EdDSA":
        return key.hazmat.sign(data)
    if alg in CURVES:
        algorithm = ec.ECDSA(HASHES["384" if alg == "ES384" else "256"](), deterministic_signing=True)
        r, s = utils.decode_dss_signature(key.hazmat.sign(data, algorithm))
        length = 48 if alg == "ES384" else 32
        return r.to_bytes(length, "big") + s.to_bytes(length, "big")
    if alg.startswith("RS"):
        return key.hazmat.sign(data, padding.PKCS1v15(), HASHES[alg[2:]]())
    return sign_pss(key.hazmat, "sha" + alg[2:], data)


def sign_pss(hazmat, name, data):
    """RFC 8017 9.1.1 with a fixed salt, the hash of the data, to make the signature deterministic."""
    numbers = hazmat.private_numbers()
    digest = hashlib.new(name, data).digest()
    size, length = len(digest), 256
    inner = hashlib.new(name, bytes(8) + digest + digest).digest()
    block = (b"\1" + digest).rjust(length - size - 1, b"\0")
    mask = b"".join(hashlib.new(name, inner + count.to_bytes(4, "big")).digest() for count in range(8))[: len(block)]
    masked = bytearray(a ^ b for a, b in zip(block, mask))
    masked[0] &= 0x7F
    encoded = int.from_bytes(bytes(masked) + inner + b"\xbc", "big")
    return pow(encoded, numbers.d, numbers.public_numbers.n).to_bytes(length, "big")
