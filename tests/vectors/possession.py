"""Proofs of possession [RFC 9449] with jwcrypto, joserfc and the npm package dpop, and what jwcrypto and joserfc say about
a proof. Nothing here depends on the filter."""

import hashlib
import json
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import joserfc.jwk
import joserfc.jws
import jwcrypto.jwk
import jwcrypto.jws

from libraries import SIGNERS, b64, unb64

HERE = Path(__file__).resolve().parent
UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def ath_of(token):
    return b64(hashlib.sha256(token.encode()).digest())


class Python:
    """A client whose key, thumbprint and signatures are those of a Python library."""

    def __init__(self, library, alg, bits=2048):
        self.library, self.alg = library, alg
        self.name = library.name
        self.key = library.generate(alg, bits)
        native = self.key.native
        self.thumbprint = native.thumbprint()
        self.public = {name: value for name, value in self.key.public.items() if name != "kid"}
        self.private = native.export(as_dict=True) if library is JWCRYPTO else native.as_dict(private=True)

    def proof(self, header, claims):
        header = {"typ": "dpop+jwt", "jwk": self.public} | header
        header = {name: value for name, value in header.items() if value is not None}
        claims = {name: value for name, value in claims.items() if value is not None}
        return self.library.sign(self.alg, self.key, header, claims)


class Node:
    """A client whose key, thumbprint and proofs are those of the npm package dpop."""

    name = f"dpop {json.loads((HERE / 'package.json').read_text())['dependencies']['dpop']}"
    process = None
    keys = 0

    def __init__(self, alg):
        if Node.process is None:
            Node.process = subprocess.Popen(
                ["node", HERE / "dpop.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.alg = alg
        self.number, Node.keys = Node.keys, Node.keys + 1
        self.thumbprint = self._ask({"generate": alg})

    def proof(self, **parameters):
        return self._ask({"key": self.number} | {name: value for name, value in parameters.items() if value is not None})

    @staticmethod
    def _ask(question):
        Node.process.stdin.write(json.dumps(question) + "\n")
        Node.process.stdin.flush()
        return json.loads(Node.process.stdout.readline())


JWCRYPTO, JOSERFC = SIGNERS[:2]


def verify_with_jwcrypto(proof, jwk, alg):
    """Verifies the signature, and returns header, claims and thumbprint."""
    key = jwcrypto.jwk.JWK(**jwk)
    jws = jwcrypto.jws.JWS()
    jws.allowed_algs = [alg]
    jws.deserialize(proof, key)
    return jws.jose_header, json.loads(jws.payload), key.thumbprint()


def verify_with_joserfc(proof, jwk, alg):
    """As with jwcrypto."""
    key = joserfc.jwk.import_key(jwk)
    registry = joserfc.jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    registry.max_header_length = 8192
    found = joserfc.jws.deserialize_compact(proof, key, registry=registry)
    return found.headers(), json.loads(found.payload), key.thumbprint()


VERIFIERS = {JWCRYPTO.name: verify_with_jwcrypto, JOSERFC.name: verify_with_joserfc}


def judge(verify, request, algorithms, now, max_age):
    """Every check of RFC 9449 4.3 and 7.1, with what a library says about signature and thumbprint. Raises if one fails."""
    scheme, token = request["authorization"].split(" ")
    (proof,) = request["proofs"]
    header = json.loads(unb64(proof.split(".")[0]))
    assert header["typ"].lower() == "dpop+jwt", "typ"
    assert header["alg"] in algorithms, "alg"
    assert not PRIVATE & header["jwk"].keys(), "private"
    assert "crit" not in header, "crit"
    header, claims, thumbprint = verify(proof, header["jwk"], header["alg"])
    assert isinstance(claims["jti"], str) and claims["jti"], "jti"
    assert claims["htm"] == request["method"], "htm"
    assert normal(claims["htu"]) == normal("https://api.example" + request["target"]), "htu"
    assert now - max_age <= claims["iat"] <= now + 5, "iat"
    assert claims["ath"] == ath_of(token), "ath"
    assert scheme.lower() == "dpop", "scheme"
    assert json.loads(unb64(token.split(".")[1]))["cnf"] == {"jkt": thumbprint}, "jkt"


def judge_all(*arguments):
    """The names of the libraries that accept the request, and of those that do not."""
    accepted, refused = [], []
    for name, verify in VERIFIERS.items():
        try:
            judge(verify, *arguments)
            accepted.append(name)
        except Exception:  # any exception means that the proof is not accepted
            refused.append(name)
    return accepted, refused


def normal(url):
    """The URL without query and fragment, normalized as RFC 3986 6.2.2 and 6.2.3 say, but for dot segments."""
    parts = urlsplit(url)
    assert parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return parts.scheme, parts.hostname, port, decoded(parts.path or "/")


def decoded(path):
    """The path with its unreserved characters decoded, and capital digits in the rest."""
    first, *rest = path.split("%")
    octets = [(unquote("%" + part[:2]), part) for part in rest]
    return first + "".join(
        (letter if letter in UNRESERVED else "%" + part[:2].upper()) + part[2:] for letter, part in octets)
