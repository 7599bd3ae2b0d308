"""Gathers vectors, and lets none in that the libraries have not looked at."""

import json
import time
from datetime import datetime, timezone

import cryptography
import jwt

from libraries import b64, compact, judge_all

NOW = 1700000000
EXP = 4102444800  # 2100-01-01T00:00:00Z
HAZMAT = f"cryptography {cryptography.__version__}"

# Libraries are asked with the machine's clock where they can't be told the time.
assert NOW <= time.time() < EXP, "this machine's clock is outside the tokens' life"


def claims_of(number, **more):
    return {
        "iss": "https://issuer.example",
        "sub": f"user-{number}",
        "aud": "orders",
        "userId": str(1213234 + number),
        "iat": NOW,
        "exp": EXP,
        "jti": f"jti-{number}",
        **more,
    }


def raw_sign(alg, hazmat, data):
    """The bare signature, by PyJWT's algorithm object: it signs any bytes, also what no library would put into a token."""
    algorithm = jwt.get_algorithm_by_name(alg)
    return algorithm.sign(data, algorithm.prepare_key(hazmat))


RAW = f"PyJWT {jwt.__version__} (signature only)"


def raw_token(alg, hazmat, header, payload):
    """A token over exactly these bytes (dicts are encoded; strings are segments already)."""
    segments = [
        part if isinstance(part, str) else b64(part if isinstance(part, bytes) else compact(part))
        for part in (header, payload)
    ]
    signed = ".".join(segments)
    return f"{signed}.{b64(raw_sign(alg, hazmat, signed.encode('utf-8')))}"


def dress(public, alg=None, kid=None, use=None):
    """The exported JWK with just these of kid, alg and use."""
    jwk = {k: v for k, v in public.items() if k not in ("kid", "alg", "use")}
    if use:
        jwk.pop("key_ops", None)  # RFC 7517 4.3: not both
    return jwk | {k: v for k, v in {"kid": kid, "use": use, "alg": alg}.items() if v is not None}


def rfc3339(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Vectors:
    def __init__(self, about):
        self.about = about
        self.vectors = []
        self.names = set()

    def add(self, name, signer, alg, jwk, token, expect, claims=None, *, now=NOW, ignore=False,
            only_at_now=False, signature_only=False, message=None, note=None):
        """One vector. A passing one needs a library other than its signer; a refused one a library, or a note."""
        assert name not in self.names, name
        assert (claims is None) <= (expect != "pass"), name
        self.names.add(name)
        vector = {
            "name": name, "signer": signer, "alg": alg, "jwk": jwk, "token": token, "now": now,
            "ignore_expiration": ignore, "expect": expect, "claims": claims,
        }
        told = now if only_at_now else None
        accepted, refused = judge_all(
            token, jwk, ignore, by_kid=expect == "A403JK", now=told, signature_only=signature_only or expect == "pass")
        if expect == "pass":
            others = [one for one in accepted if one != signer.split(" (")[0]]
            assert others, (name, "no second library accepts", refused)
            vector["accepted_by"] = accepted
            if refused:
                vector["refused_by"] = refused
                assert note, (name, "refused without a note", refused)
        else:
            if accepted:
                vector["accepted_by"] = accepted
            assert refused or note, (name, "all accept", accepted)
        vector |= {k: v for k, v in {"message": message, "note": note}.items() if v}
        if only_at_now:
            vector["only_at_now"] = True
        self.vectors.append(vector)

    def ok(self, name, signer, alg, jwk, token, claims, **more):
        self.add(name, signer, alg, jwk, token, "pass", claims, **more)

    def write(self, path):
        document = {"about": self.about, "vectors": self.vectors}
        path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
        counts = {}
        for vector in self.vectors:
            counts[vector["expect"]] = counts.get(vector["expect"], 0) + 1
        print(f"{path.name}: {len(self.vectors)} vectors, {path.stat().st_size} bytes, {counts}")
        return self.vectors


