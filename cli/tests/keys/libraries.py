"""Runs jwcrypto, joserfc, PyJWT and the command `jose`: reads a list of cases from stdin, prints a list of results.

    libraries.py make     [{alg}]                            -> [{alg, library, private, public}]: a new key per library
    libraries.py sign     [{alg, private, claims}]           -> [{alg, library, token}]: a token per library
    libraries.py verify   [{alg, public, token}]             -> [{alg, library, claims}]: verified claims per library

For HS*, `public` is the secret. The second argument is the path of `jose`. Fails if a library rejects something.
"""

import json
import subprocess
import sys
import tempfile

import joserfc.jwk
import joserfc.jws
import jwcrypto.jwk
import jwcrypto.jws
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}
HAZMAT_CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1, "ES256K": ec.SECP256K1}
# The algorithms that Debian's jose and PyJWT don't support.
MISSING = {"jose": {"ES256K", "EdDSA", "Ed25519"}, "PyJWT": {"Ed25519"}}


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


class Jwcrypto:
    name = "jwcrypto"

    def make(self, alg):
        kind = {"RS": {"kty": "RSA", "size": 2048}, "PS": {"kty": "RSA", "size": 2048}, "HS": {"kty": "oct", "size": 512},
                "Ed": {"kty": "OKP", "crv": "Ed25519"}, "ES": {"kty": "EC", "crv": CURVES.get(alg)}}[alg[:2]]
        key = jwcrypto.jwk.JWK.generate(kid="k", **kind)
        private = key.export(as_dict=True)
        return private, private if alg.startswith("HS") else key.export_public(as_dict=True)

    def sign(self, alg, private, claims):
        jws = jwcrypto.jws.JWS(compact(claims))
        jws.allowed_algs = [alg]
        jws.add_signature(jwcrypto.jwk.JWK(**private), protected=compact({"alg": alg, "kid": private["kid"]}).decode())
        return jws.serialize(compact=True)

    def verify(self, alg, public, token):
        jws = jwcrypto.jws.JWS()
        jws.allowed_algs = [alg]
        jws.deserialize(token, jwcrypto.jwk.JWK(**public))
        return json.loads(jws.payload)


class Joserfc:
    name = "joserfc"

    def make(self, alg):
        if alg[:2] in ("RS", "PS"):
            key = joserfc.jwk.RSAKey.generate_key(2048, {"kid": "k"})
        elif alg[:2] == "HS":
            key = joserfc.jwk.OctKey.generate_key(512, {"kid": "k"})
        elif alg in ("EdDSA", "Ed25519"):
            key = joserfc.jwk.OKPKey.generate_key("Ed25519", {"kid": "k"})
        else:
            key = joserfc.jwk.ECKey.generate_key(CURVES[alg], {"kid": "k"})
        return key.as_dict(private=True), key.as_dict(private=alg.startswith("HS"))

    def sign(self, alg, private, claims):
        header = {"alg": alg, "kid": private["kid"]}
        return joserfc.jws.serialize_compact(header, compact(claims), joserfc.jwk.import_key(private), [alg])

    def verify(self, alg, public, token):
        registry = joserfc.jws.JWSRegistry(algorithms=[alg])
        # By default 512 bytes: too little for an RSA key, which the header of a proof contains.
        registry.max_header_length = 2048
        key = joserfc.jwk.import_key(public)
        return json.loads(joserfc.jws.deserialize_compact(token, key, registry=registry).payload)


class Pyjwt:
    name = "PyJWT"

    def make(self, alg):
        if alg[:2] == "HS":
            key = b"x" * 64
        elif alg[:2] in ("RS", "PS"):
            key = rsa.generate_private_key(65537, 2048)
        elif alg == "EdDSA":
            key = ed25519.Ed25519PrivateKey.generate()
        else:
            key = ec.generate_private_key(HAZMAT_CURVES[alg]())
        to_jwk = jwt.get_algorithm_by_name(alg).to_jwk
        private = {**to_jwk(key, as_dict=True), "kid": "k"}
        return private, private if alg.startswith("HS") else {**to_jwk(key.public_key(), as_dict=True), "kid": "k"}

    def sign(self, alg, private, claims):
        return jwt.encode(claims, jwt.PyJWK(private, alg).key, algorithm=alg, headers={"kid": private["kid"]})

    def verify(self, alg, public, token):
        return jwt.decode(token, jwt.PyJWK(public, alg).key, algorithms=[alg], options={"verify_aud": False})


class Jose:
    name = "jose"

    def __init__(self, path):
        self.path = path

    def run(self, *arguments, **files):
        """Runs `jose`. An argument @name is replaced by the path of a file with the value of the keyword argument."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                with open(f"{folder}/{name}", "wb") as file:
                    file.write(content.encode() if isinstance(content, str) else compact(content))
            words = [f"{folder}/{word[1:]}" if word.startswith("@") else word for word in arguments]
            return subprocess.run([self.path, *words], check=True, capture_output=True).stdout

    def make(self, alg):
        private = json.loads(self.run("jwk", "gen", "-i", "@template", template={"alg": alg, "kid": "k"}))
        if alg.startswith("HS"):
            return private, private
        return private, json.loads(self.run("jwk", "pub", "-i", "@key", key=private))

    def sign(self, alg, private, claims):
        template = {"protected": {"alg": alg, "kid": private["kid"]}}
        return self.run("jws", "sig", "-I", "@claims", "-k", "@key", "-s", json.dumps(template), "-c",
                        claims=claims, key=private).decode().strip()

    def verify(self, alg, public, token):
        return json.loads(self.run("jws", "ver", "-i", "@token", "-k", "@key", "-O", "-", token=token, key=public))


def main():
    task, jose = sys.argv[1:]
    answers = []
    for case in json.load(sys.stdin):
        alg = case.pop("alg")
        for library in [Jwcrypto(), Joserfc(), Pyjwt(), Jose(jose)]:
            if alg in MISSING.get(library.name, ()):
                continue
            answer = {"alg": alg, "library": library.name}
            try:
                result = getattr(library, task)(alg, **case)
            except Exception as error:
                raise SystemExit(f"{library.name} could not {task} {alg}: {error!r} {getattr(error, 'stderr', '')}")
            if task == "make":
                answer["private"], answer["public"] = result
            else:
                answer["token" if task == "sign" else "claims"] = result
            answers.append(answer)
    json.dump(answers, sys.stdout)


main()
