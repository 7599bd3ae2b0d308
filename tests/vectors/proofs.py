"""Requests with tokens that are bound to a key, and proofs of that key, by three libraries."""

import json

import jwt

from collect import NOW, claims_of
from libraries import SIGNERS, b64, unb64
from possession import JOSERFC, JWCRYPTO, Node, Python, ath_of, judge_all

RESOURCE = "https://api.example/orders"
TARGET = "/orders/7?part=a"
HTU = "https://api.example/orders/7"
DEFAULT = ["ES256", "EdDSA", "PS256"]
ALL = ["ES256", "ES384", "EdDSA", "Ed25519", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"]
PYJWT = SIGNERS[2]
MAX_AGE = 60

NOT_ALLOWED = "header alg is not allowed"
NOT_A_KEY = "header jwk is not a public key for proofs"
NOT_BOUND = "Invalid JWT: claim cnf does not bind the token to the key of the proof"
NOT_PROVED = "Invalid JWT: claim cnf binds the token to a key, which was not proved"


class Proofs:
    """Collects vectors. A library must agree with each, or it needs a note."""

    def __init__(self):
        self.about = "Bound tokens and proofs by independent libraries, made by make.py with keys that were thrown away."
        self.vectors = []
        self.number = 0
        # Tokens by another library than the proofs.
        self.issuer = PYJWT.generate("ES256")

    def token(self, cnf):
        self.number += 1
        more = {"aud": RESOURCE} | ({"cnf": cnf} if cnf is not None else {})
        return PYJWT.sign("ES256", self.issuer, {}, claims_of(self.number, **more))

    def add(self, name, signer, token, proofs, message=None, *, code="A403DP", scheme="DPoP", method="GET", target=TARGET,
            algorithms=None, now=NOW, note=None):
        """Adds a vector. Without `message`, the request passes."""
        assert all(vector["name"] != name for vector in self.vectors), name
        request = {"method": method, "target": target, "authorization": f"{scheme} {token}", "proofs": proofs}
        accepted, refused = judge_all(request, algorithms or DEFAULT, now, MAX_AGE)
        vector = {"name": name, "signer": signer, **request, "algorithms": algorithms or DEFAULT, "now": now}
        if message is None:
            others = [one for one in accepted if one != signer]
            assert note or (others and not refused), (name, refused)
            vector["expect"] = "pass"
        else:
            assert refused or note, (name, accepted)
            if code == "A403DP":
                message = f"Invalid DPoP proof: {message}"
            vector |= {"expect": code, "message": message}
        vector |= {"accepted_by": accepted, "refused_by": refused}
        self.vectors.append(vector | ({"note": note} if note else {}))

    def write(self, path):
        jwk = self.issuer.public | {"alg": "ES256"}
        document = {"about": self.about, "resource": RESOURCE, "jwk": jwk, "vectors": self.vectors}
        path.write_text(json.dumps(document, indent=1) + "\n")
        passing = sum(vector["expect"] == "pass" for vector in self.vectors)
        print(f"{path.name}: {len(self.vectors)} vectors, {path.stat().st_size} bytes, {passing} pass")


def vectors():
    out = Proofs()
    for library in (JWCRYPTO, JOSERFC):
        for alg in ALL:
            every_algorithm(out, Python(library, alg))
        for alg in ("ES256", "EdDSA", "PS256"):
            changed_claims(out, Python(library, alg))
        changed_headers(out, Python(library, "ES256"))
        bindings(out, library)
        keys(out, library)
    node(out)
    return out


def usual(token, **changed):
    return {"jti": "jti-1", "htm": "GET", "htu": HTU, "iat": NOW, "ath": ath_of(token)} | changed


def every_algorithm(out, client):
    token = out.token({"jkt": client.thumbprint})
    proof = client.proof({}, usual(token))
    out.add(f"{client.name} {client.alg}: allowed", client.name, token, [proof], algorithms=[client.alg])
    message = None if client.alg in DEFAULT else NOT_ALLOWED
    out.add(f"{client.name} {client.alg}: by default", client.name, token, [proof], message)
    head, payload, signature = proof.split(".")
    raw = unb64(signature)
    flipped = b64(bytes([raw[0] ^ 0x40]) + raw[1:])
    out.add(f"{client.name} {client.alg}: signature changed", client.name, token, [f"{head}.{payload}.{flipped}"],
            "signature verification failed", algorithms=[client.alg])


def changed_claims(out, client):
    token = out.token({"jkt": client.thumbprint})
    other = out.token({"jkt": client.thumbprint})
    absent = lambda name: f"claim {name} is not that of this request"  # noqa: E731
    for what, claims, message in [
        ("htu with query and fragment", {"htu": f"{HTU}?part=b#c"}, None),
        ("htu in other letters", {"htu": "HTTPS://API.Example:443/orders/%37"}, None),
        ("a nonce that nobody asked for", {"nonce": "n"}, None),
        ("more claims", {"x": {"y": [1]}, "exp": NOW - 1, "nbf": NOW + 100}, None),
        ("iat 60 seconds ago", {"iat": NOW - 60}, None),
        ("iat in 5 seconds", {"iat": NOW + 5}, None),
        ("iat with a fraction", {"iat": NOW - 59.5}, None),
        ("iat 61 seconds ago", {"iat": NOW - 61}, absent("iat")),
        ("iat in 6 seconds", {"iat": NOW + 6}, absent("iat")),
        ("iat in milliseconds", {"iat": NOW * 1000}, absent("iat")),
        ("no iat", {"iat": None}, absent("iat")),
        ("another method", {"htm": "POST"}, absent("htm")),
        ("the method in lower case", {"htm": "get"}, absent("htm")),
        ("no htm", {"htm": None}, absent("htm")),
        ("another path", {"htu": "https://api.example/orders/8"}, absent("htu")),
        ("a path in other letters", {"htu": "https://api.example/Orders/7"}, absent("htu")),
        ("another host", {"htu": "https://evil.example/orders/7"}, absent("htu")),
        ("http", {"htu": "http://api.example/orders/7"}, absent("htu")),
        ("another port", {"htu": "https://api.example:8443/orders/7"}, absent("htu")),
        ("only the path", {"htu": "/orders/7"}, absent("htu")),
        ("no htu", {"htu": None}, absent("htu")),
        ("ath of another token", {"ath": ath_of(other)}, absent("ath")),
        ("ath with padding", {"ath": ath_of(token) + "="}, absent("ath")),
        ("no ath", {"ath": None}, absent("ath")),
        ("no jti", {"jti": None}, absent("jti")),
        ("an empty jti", {"jti": ""}, absent("jti")),
        ("jti is a number", {"jti": 1}, absent("jti")),
    ]:
        proof = client.proof({}, usual(token, **claims))
        out.add(f"{client.name} {client.alg}: {what}", client.name, token, [proof], message)


def changed_headers(out, client):
    name, alg = client.name, client.alg
    token = out.token({"jkt": client.thumbprint})
    other = Python(client.library, alg)
    flat = dict(client.public, kid="a", use="sig", alg=alg)
    for what, header, message in [
        ("typ in capitals", {"typ": "DPOP+JWT"}, None),
        ("jwk with kid, use and alg", {"jwk": flat}, None),
        ("kid and cty in the header", {"kid": "a", "cty": "b"}, None),
        ("typ JWT", {"typ": "JWT"}, "header typ is not dpop+jwt"),
        ("typ at+jwt", {"typ": "at+jwt"}, "header typ is not dpop+jwt"),
        ("no typ", {"typ": None}, "header typ is not dpop+jwt"),
        ("no jwk", {"jwk": None}, NOT_A_KEY),
        ("jwk is private", {"jwk": client.private}, NOT_A_KEY),
        ("jwk is for encryption", {"jwk": dict(client.public, use="enc")}, NOT_A_KEY),
        ("jwk is for another algorithm", {"jwk": dict(client.public, alg="ES384")}, NOT_A_KEY),
        ("jwk of another key", {"jwk": other.public}, "signature verification failed"),
    ]:
        proof = client.proof(header, usual(token))
        note = "joserfc and jwcrypto do not look at use or alg of a key" if "jwk is for" in what else None
        out.add(f"{name} {alg}: {what}", name, token, [proof], message, note=note)
    proof = client.proof({}, usual(token))
    out.add(f"{name} {alg}: no proof", name, token, [], "it is missing")
    out.add(f"{name} {alg}: an empty proof", name, token, [""], "it is missing")
    second = client.proof({}, usual(token, jti="jti-2"))
    out.add(f"{name} {alg}: two proofs", name, token, [proof, second], "more than one was sent")
    out.add(f"{name} {alg}: the same proof twice", name, token, [proof, proof], "more than one was sent")
    out.add(f"{name} {alg}: two proofs in a header", name, token, [f"{proof},{second}"], "more than one was sent")
    out.add(f"{name} {alg}: the token as its proof", name, token, [token], "header typ is not dpop+jwt")
    out.add(f"{name} {alg}: a request with another method", name, token, [proof],
            "claim htm is not that of this request", method="POST")
    out.add(f"{name} {alg}: a request for another path", name, token, [proof],
            "claim htu is not that of this request", target="/orders/8")
    out.add(f"{name} {alg}: a request after a minute", name, token, [proof], "claim iat is not that of this request",
            now=NOW + 61)
    without_key(out, client, token)


def without_key(out, client, token):
    """PyJWT signs with no key, or with a secret. The secret can be one that everyone knows: the public key."""
    header = {"typ": "dpop+jwt", "jwk": client.public}
    none = jwt.encode(usual(token), None, algorithm="none", headers=header)
    out.add(f"{client.name} jwk, alg none", PYJWT.name, token, [none], "header alg is not allowed")
    secret = unb64(client.public["x"]) + unb64(client.public["y"])
    shared = jwt.encode(usual(token), secret, algorithm="HS256", headers=header)
    out.add(f"{client.name} jwk, HS256 with the public key as secret", PYJWT.name, token, [shared], NOT_ALLOWED)
    header["jwk"] = {"kty": "oct", "k": b64(secret)}
    shared = jwt.encode(usual(token), secret, algorithm="HS256", headers=header)
    out.add(f"{client.name} token, HS256 with a secret in jwk", PYJWT.name, token, [shared], NOT_A_KEY)


def bindings(out, library):
    client, thief = Python(library, "ES256"), Python(library, "ES256")
    name = client.name
    bound = {"jkt": client.thumbprint}
    for what, cnf, holder, scheme, message in [
        ("scheme in lower case", bound, client, "dpop", None),
        ("proof of another key", bound, thief, "DPoP", NOT_BOUND),
        ("token that is not bound", None, client, "DPoP", NOT_BOUND),
        ("the thumbprint backwards", {"jkt": client.thumbprint[::-1]}, client, "DPoP", NOT_BOUND),
        ("thumbprint with padding", {"jkt": client.thumbprint + "="}, client, "DPoP", NOT_BOUND),
        ("bound to a certificate, too", bound | {"x5t#S256": "A" * 43}, client, "DPoP", NOT_PROVED),
        ("bound to a certificate", {"x5t#S256": "A" * 43}, client, "DPoP", NOT_PROVED),
        ("Bearer with the proof", bound, client, "Bearer", NOT_PROVED),
    ]:
        token = out.token(cnf)
        proof = holder.proof({}, usual(token))
        out.add(f"{name} binding: {what}", name, token, [proof], message, code="A403JT", scheme=scheme)
    token = out.token(bound)
    out.add(f"{name} binding: Bearer without a proof", name, token, [], NOT_PROVED, code="A403JT", scheme="Bearer")


def keys(out, library):
    """Keys of other sizes and curves."""
    for alg, bits, message in [
        ("PS256", 1024, NOT_A_KEY), ("PS256", 3072, None), ("PS256", 4096, None), ("ES512", 0, NOT_A_KEY),
        ("ES256K", 0, NOT_A_KEY),
    ]:
        client = Python(library, alg, bits)
        token = out.token({"jkt": client.thumbprint})
        what = f"RSA key of {bits} bits" if bits else f"{client.public['crv']} key"
        out.add(f"{library.name} {alg}: {what}", library.name, token, [client.proof({}, usual(token))], message,
                note="the libraries accept RSA keys of 1024 bits" if bits == 1024 else None)


def node(out):
    for alg in ("ES256", "PS256", "RS256", "Ed25519"):
        client = Node(alg)
        token = out.token({"jkt": client.thumbprint})
        name = f"{client.name} {alg}"
        proof = lambda **changed: client.proof(**{"now": NOW, "htu": HTU, "htm": "GET", "token": token} | changed)  # noqa: E731
        out.add(f"{name}: allowed", client.name, token, [proof()], algorithms=[alg])
        out.add(f"{name}: by default", client.name, token, [proof()], None if alg in DEFAULT else NOT_ALLOWED)
        for what, changed, wrong in [
            ("nonce", {"nonce": "n"}, None), ("another method", {"htm": "PUT"}, "htm"),
            ("another path", {"htu": RESOURCE}, "htu"), ("another token", {"token": out.token(None)}, "ath"),
            ("no token", {"token": None}, "ath"), ("too old", {"now": NOW - 61}, "iat"), ("too new", {"now": NOW + 6}, "iat"),
        ]:
            message = wrong and f"claim {wrong} is not that of this request"
            out.add(f"{name}: {what}", client.name, token, [proof(**changed)], message, algorithms=[alg])
