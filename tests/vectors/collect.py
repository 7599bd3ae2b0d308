"""Collects vectors. Each must be confirmed by the libraries or have a note."""

import json
import time
from datetime import datetime, timezone

import cryptography
import jwt

from libraries import b64, compact, judge_all

NOW = 1700000000
EXP = 4102444800  # 2100-01-01T00:00:00Z
HAZMAT = f"cryptography {cryptography.__version__}"

# Most libraries can only use the machine's clock.
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
    """A signature by PyJWT's algorithm object, which signs any bytes, also ones that no library puts into a token."""
    algorithm = jwt.get_algorithm_by_name(alg)
    return algorithm.sign(data, algorithm.prepare_key(hazmat))


RAW = f"PyJWT {jwt.__version__} (signature only)"


def raw_token(alg, hazmat, header, payload):
    """A token with exactly these bytes. Dicts are encoded; strings are already segments."""
    segments = [
        part if isinstance(part, str) else b64(part if isinstance(part, bytes) else compact(part))
        for part in (header, payload)
    ]
    signed = ".".join(segments)
    return f"{signed}.{b64(raw_sign(alg, hazmat, signed.encode('utf-8')))}"


def dress(public, alg=None, kid=None, use=None):
    """The exported JWK, with only the given ones of kid, alg and use."""
    jwk = {k: v for k, v in public.items() if k not in ("kid", "alg", "use")}
    if use:
        jwk.pop("key_ops", None)  # RFC 7517 4.3: use and key_ops should not both be present
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
        """Adds a vector. If it passes, a library other than its signer must accept it. If not, a library must reject it, or
        it needs a note."""
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
            assert others, (name, "no second library accepts it", refused)
            vector["accepted_by"] = accepted
            if refused:
                vector["refused_by"] = refused
                assert note, (name, "rejected by a library, but without a note", refused)
        else:
            if accepted:
                vector["accepted_by"] = accepted
            assert refused or note, (name, "all libraries accept it", accepted)
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


