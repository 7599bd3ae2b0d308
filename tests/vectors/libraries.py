"""One interface for the JOSE libraries: make a key, export its public JWK, sign, and judge a whole token.

Nothing here depends on the filter. A judge returns if its library accepts the token, and raises if not.
"""

import base64
import hashlib
import json
import secrets
import warnings
from dataclasses import dataclass
from importlib.metadata import version

import ecdsa
import jose.backends.ecdsa_backend
import jose.backends.rsa_backend
import jose.jwk
import jose.jws
import jose.jwt
import joserfc.jwk
import joserfc.jws
import joserfc.jwt
import jwcrypto.jwk
import jwcrypto.jws
import jwcrypto.jwt
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

warnings.filterwarnings("ignore")  # the libraries warn about short keys and deprecations

RSA_ALGS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES256K": "secp256k1", "ES512": "P-521"}
HMAC_ALGS = ["HS256", "HS384", "HS512"]
# The algorithms of recent.json. They are not in independent.json and not in the differential test.
RECENT_ALGS = ["ES512", "Ed25519"]
ALGS = RSA_ALGS + [alg for alg in CURVES if alg not in RECENT_ALGS] + ["EdDSA"] + HMAC_ALGS
ED25519_ALGS = ["EdDSA", "Ed25519"]
HAZMAT_CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES256K": ec.SECP256K1, "ES512": ec.SECP521R1}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


@dataclass
class Key:
    native: object  # the key in the library's own type
    hazmat: object  # the same private key in the type of cryptography, or the bytes of the secret
    public: dict  # the public JWK exported by the library


def hazmat_from_jwk(private):
    loader = {
        "RSA": jwt.algorithms.RSAAlgorithm,
        "EC": jwt.algorithms.ECAlgorithm,
        "OKP": jwt.algorithms.OKPAlgorithm,
        "oct": jwt.algorithms.HMACAlgorithm,
    }[private["kty"]]
    # PyJWT reads a key with key_ops as a public key, but here the private members are needed.
    return loader.from_jwk({k: v for k, v in private.items() if k not in ("alg", "use", "key_ops", "kid")})


def generate_hazmat(alg, bits):
    if alg in RSA_ALGS:
        return rsa.generate_private_key(65537, bits)
    if alg in CURVES:
        return ec.generate_private_key(HAZMAT_CURVES[alg]())
    if alg in ED25519_ALGS:
        return ed25519.Ed25519PrivateKey.generate()
    return secrets.token_bytes(64)


def private_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


class Jwcrypto:
    name = f"jwcrypto {version('jwcrypto')}"
    algs = ALGS + RECENT_ALGS

    def generate(self, alg, bits=2048):
        kind = (
            {"kty": "RSA", "size": bits} if alg in RSA_ALGS
            else {"kty": "EC", "crv": CURVES[alg]} if alg in CURVES
            else {"kty": "OKP", "crv": "Ed25519"} if alg in ED25519_ALGS
            else {"kty": "oct", "size": 512}
        )
        key = jwcrypto.jwk.JWK.generate(**kind)
        private = key.export(as_dict=True)
        public = private if kind["kty"] == "oct" else key.export_public(as_dict=True)
        return Key(key, hazmat_from_jwk(private), public)

    def sign(self, alg, key, header, claims):
        jws = jwcrypto.jws.JWS(compact(claims))
        jws.allowed_algs = [alg]
        jws.add_signature(key.native, protected=compact({"alg": alg, **header}).decode())
        return jws.serialize(compact=True)

    def judge(self, token, jwk, allowed, ignore_exp, by_kid, now=None):
        key = jwcrypto.jwk.JWK(**jwk)
        if by_kid:
            keys = jwcrypto.jwk.JWKSet()
            keys.add(key)
            key = keys
        required = {"sub": None} if ignore_exp else {"exp": None}
        payload = _peek(token)
        if "sub" not in payload and ignore_exp:
            required = {}
        if "nbf" in payload:
            required["nbf"] = None
        checked = jwcrypto.jwt.JWT(check_claims=required, algs=allowed)
        checked.leeway = 0
        checked.deserialize(token, key)


class Joserfc:
    name = f"joserfc {version('joserfc')}"
    algs = ALGS + RECENT_ALGS

    def generate(self, alg, bits=2048):
        if alg in RSA_ALGS:
            key = joserfc.jwk.RSAKey.generate_key(bits)
        elif alg in CURVES:
            key = joserfc.jwk.ECKey.generate_key(CURVES[alg])
        elif alg in ED25519_ALGS:
            key = joserfc.jwk.OKPKey.generate_key("Ed25519")
        else:
            key = joserfc.jwk.OctKey.generate_key(512)
        return Key(key, hazmat_from_jwk(key.as_dict(private=True)), key.as_dict(private=alg in HMAC_ALGS))

    def sign(self, alg, key, header, claims):
        return joserfc.jws.serialize_compact({"alg": alg, **header}, compact(claims), key.native, [alg])

    def judge(self, token, jwk, allowed, ignore_exp, by_kid, now=None):
        key = joserfc.jwk.import_key(jwk)
        if by_kid:
            key = joserfc.jwk.KeySet([key])
        # By default, joserfc rejects unknown header members, which would hide what a vector tests.
        rules = joserfc.jws.JWSRegistry(algorithms=allowed, strict_check_header=False)
        claims = joserfc.jwt.decode(token, key, registry=rules).claims
        if ignore_exp:
            claims = {k: v for k, v in claims.items() if k != "exp" or not isinstance(v, (int, float))}
        rules = {} if ignore_exp else {"exp": {"essential": True}}
        joserfc.jwt.JWTClaimsRegistry(now=now, leeway=0, **rules).validate(claims)


class Pyjwt:
    name = f"PyJWT {version('PyJWT')}"
    algs = [*ALGS, "ES512"]

    def generate(self, alg, bits=2048):
        key = generate_hazmat(alg, bits)
        public = key if isinstance(key, bytes) else key.public_key()
        return Key(key, key, jwt.get_algorithm_by_name(alg).to_jwk(public, as_dict=True))

    def sign(self, alg, key, header, claims):
        return jwt.encode(claims, key.native, algorithm=alg, headers=header)

    def judge(self, token, jwk, allowed, ignore_exp, by_kid, now=None):
        if by_kid:
            key = jwt.PyJWKSet([jwk])[jwt.get_unverified_header(token)["kid"]].key
        else:
            key = jwt.PyJWK(jwk, algorithm=allowed[0]).key
        options = {"verify_aud": False, "verify_exp": not ignore_exp, "require": [] if ignore_exp else ["exp"]}
        jwt.decode(token, key, algorithms=allowed, options=options)


class PythonJose:
    name = f"python-jose {version('python-jose')}"
    algs = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", *HMAC_ALGS]

    def generate(self, alg, bits=2048):
        key = generate_hazmat(alg, bits)
        native = jose.jwk.construct(key if isinstance(key, bytes) else private_pem(key), alg)
        public = native if isinstance(key, bytes) else native.public_key()
        return Key(native, key, public.to_dict())

    def sign(self, alg, key, header, claims):
        return jose.jws.sign(claims, self._as(alg, key), headers=header, algorithm=alg)

    def _as(self, alg, key):  # keys of this library are bound to one algorithm
        return jose.jwk.construct(key.hazmat if isinstance(key.hazmat, bytes) else private_pem(key.hazmat), alg)

    def judge(self, token, jwk, allowed, ignore_exp, by_kid, now=None):
        key = {"keys": [jwk]} if by_kid else jwk
        options = {"verify_aud": False, "verify_exp": not ignore_exp, "require_exp": not ignore_exp}
        jose.jwt.decode(token, key, algorithms=allowed, options=options)


class PythonJosePure(PythonJose):
    """python-jose with the pure Python packages `rsa` and `ecdsa`. All other libraries use OpenSSL."""

    name = f"python-jose {version('python-jose')} (rsa {version('rsa')}, ecdsa {version('ecdsa')})"
    algs = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]

    def generate(self, alg, bits=2048):
        key = generate_hazmat(alg, bits)
        native = self._as(alg, Key(None, key, {}))
        return Key(native, key, native.public_key().to_dict())

    def _as(self, alg, key):
        backend = jose.backends.rsa_backend.RSAKey if alg in RSA_ALGS else jose.backends.ecdsa_backend.ECDSAECKey
        return backend(private_pem(key.hazmat), alg)


class Ecdsa:
    """The pure Python package `ecdsa`. It only verifies the signature of an EC or Ed25519 token."""

    name = f"ecdsa {version('ecdsa')}"
    algs = [*CURVES, *ED25519_ALGS]

    def judge(self, token, jwk, allowed, ignore_exp, by_kid, now=None):
        signed, _, signature = token.rpartition(".")
        if jwk["crv"] == "Ed25519":
            key = ecdsa.VerifyingKey.from_string(unb64(jwk["x"]), curve=ecdsa.Ed25519)
            key.verify(unb64(signature), signed.encode())  # raises if the signature is wrong
            return
        curve, digest = {
            "P-256": (ecdsa.NIST256p, hashlib.sha256),
            "P-384": (ecdsa.NIST384p, hashlib.sha384),
            "P-521": (ecdsa.NIST521p, hashlib.sha512),
            "secp256k1": (ecdsa.SECP256k1, hashlib.sha256),
        }[jwk["crv"]]
        key = ecdsa.VerifyingKey.from_string(unb64(jwk["x"]) + unb64(jwk["y"]), curve=curve)
        key.verify(unb64(signature), signed.encode(), hashfunc=digest)


def _peek(token, segment=1):
    try:
        value = json.loads(unb64(token.split(".")[segment]))
    except Exception:
        return {}
    return value if isinstance(value, dict) else {}


SIGNERS = [Jwcrypto(), Joserfc(), Pyjwt(), PythonJose(), PythonJosePure()]
JUDGES = [Jwcrypto(), Joserfc(), Pyjwt(), PythonJose()]
PURE = Ecdsa()


def allowed_algs(jwk):
    """The algorithms that a key allows: its `alg`, else all of its type."""
    if "alg" in jwk:
        return [jwk["alg"]]
    if jwk["kty"] == "EC":
        return [alg for alg, curve in CURVES.items() if curve == jwk["crv"]]
    return {"RSA": RSA_ALGS, "OKP": ED25519_ALGS, "oct": HMAC_ALGS}[jwk["kty"]]


def judge_all(token, jwk, ignore_exp=False, by_kid=False, now=None, signature_only=False):
    """(accepted, refused): the names of the libraries that support the key's algorithm, by verdict.

    With `now`, only a library whose clock can be set validates the times. The others only verify the signature.
    """
    accepted, refused = [], []
    named = _peek(token, 0).get("alg")
    for library in JUDGES + ([PURE] if signature_only else []):
        allowed = [alg for alg in allowed_algs(jwk) if alg in library.algs]
        if not allowed or (named in ALGS + RECENT_ALGS and named not in library.algs):
            continue  # it would reject the token only because it does not support the algorithm
        skip_clock = ignore_exp or (now is not None and not isinstance(library, Joserfc))
        try:
            library.judge(token, dict(jwk), allowed, skip_clock, by_kid, now)
            accepted.append(library.name)
        except Exception:  # any exception means that the token is not accepted
            refused.append(library.name)
    return accepted, refused
