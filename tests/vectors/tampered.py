"""Tokens with a wrong signature, algorithm or key, derived from valid ones."""

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from collect import EXP, HAZMAT, RAW, claims_of, dress, raw_sign, raw_token
from genuine import ORDERS, ecdsa_parts, search
from libraries import ALGS, CURVES, HMAC_ALGS, RSA_ALGS, SIGNERS, b64, compact, unb64

MAIN = SIGNERS[:3]  # each of them supports every algorithm of ALGS
ED25519_L = 2**252 + 27742317777372353535851937790883648493


def spki(key, form=serialization.PublicFormat.SubjectPublicKeyInfo, encoding=serialization.Encoding.PEM):
    return key.public_key().public_bytes(encoding, form)


def signatures(out, keys, algs=ALGS):
    """The same seven changes to one token of every algorithm."""
    for number, alg in enumerate(algs, 5000):
        signers = [library for library in MAIN if alg in library.algs]
        library, other = signers[number % len(signers)], signers[(number + 1) % len(signers)]
        key, kid = keys[library.name, alg], f"k-{alg}"
        jwk = dress(key.public, alg, kid, "sig")
        claims = claims_of(number)
        header = {"kid": kid}
        token = library.sign(alg, key, header, claims)
        head, payload, text = token.split(".")
        raw = unb64(text)
        promoted = b64(compact(claims | {"userId": "1"}))
        retyped = b64(compact({"alg": alg, "kid": kid, "typ": "JWT", "x": 1}))
        harms = [
            ("first bit of the signature flipped", f"{head}.{payload}.{b64(bytes([raw[0] ^ 0x80]) + raw[1:])}"),
            ("last bit of the signature flipped", f"{head}.{payload}.{b64(raw[:-1] + bytes([raw[-1] ^ 1]))}"),
            ("payload changed", f"{head}.{promoted}.{text}"),
            ("header changed", f"{retyped}.{payload}.{text}"),
            ("signature a byte short", f"{head}.{payload}.{b64(raw[:-1])}"),
            ("signature a zero byte long", f"{head}.{payload}.{b64(raw + bytes(1))}"),
            ("signature with a zero byte in front", f"{head}.{payload}.{b64(bytes(1) + raw)}"),
            ("signature empty", f"{head}.{payload}."),
            ("signature all zero", f"{head}.{payload}.{b64(bytes(len(raw)))}"),
        ]
        for what, harmed in harms:
            out.add(f"{alg} {library.name}: {what}", library.name, alg, jwk, harmed, "A403JT", signature_only=True)
        out.add(f"{alg} {other.name}: signed with another key of the same kid", other.name, alg, jwk,
                other.sign(alg, keys[other.name, alg], header, claims), "A403JT", signature_only=True)
    if "ES256" not in algs:
        return
    # The signature of one valid token and the payload of another one, with the same key.
    key = keys[MAIN[0].name, "ES256"]
    one, two = (MAIN[0].sign("ES256", key, {}, claims_of(number)).split(".") for number in (5100, 5101))
    out.add("ES256: one token's payload under another's signature", MAIN[0].name, "ES256", dress(key.public),
            ".".join([one[0], two[1], one[2]]), "A403JT", signature_only=True)


def ecdsa(out, keys):
    for number, alg in enumerate((alg for alg in CURVES if (MAIN[0].name, alg) in keys), 5200):
        library = MAIN[number % 3]
        key = keys[library.name, alg]
        jwk = dress(key.public, alg)
        signed, _, text = library.sign(alg, key, {}, claims_of(number)).rpartition(".")
        r, s, half = ecdsa_parts(unb64(text))
        n, top = ORDERS[alg], 2 ** (8 * half) - 1
        wide = half + 1
        pairs = [
            ("r = 0", 0, s), ("s = 0", r, 0), ("r = s = 0", 0, 0), ("r = n", n, s), ("s = n", r, n), ("r = s = n", n, n),
            ("r all ff", top, s), ("s all ff", r, top), ("r = s = 1", 1, 1), ("r and s changed over", s, r),
            ("r replaced by n - r", n - r, s),
        ]
        harms = [(what, a.to_bytes(half, "big") + b.to_bytes(half, "big")) for what, a, b in pairs]
        harms += [
            ("in DER instead of r and s", encode_dss_signature(r, s)),
            ("r and s a zero byte wider each", r.to_bytes(wide, "big") + s.to_bytes(wide, "big")),
            ("r alone", r.to_bytes(half, "big")),
        ]
        for what, raw in harms:
            out.add(f"{alg} signature: {what}", library.name, alg, jwk, f"{signed}.{b64(raw)}", "A403JT",
                    signature_only=True)


def rsa(out, keys):
    library = MAIN[0]
    key = keys[library.name, "RS256"]
    numbers = key.hazmat.private_numbers()
    n, d = numbers.public_numbers.n, numbers.d
    size = (n.bit_length() + 7) // 8

    def padded(digest_info, first=b"\x00\x01", fill=None, tail=b""):
        room = size - len(first) - 1 - len(digest_info) - len(tail)
        return first + (fill or b"\xff") * room + b"\x00" + digest_info + tail

    def block(signed):
        digest = hashlib.sha256(signed.encode()).digest()
        oid = bytes.fromhex("0609608648016503040201")
        good = bytes.fromhex("3031300d") + oid + bytes.fromhex("05000420") + digest
        bare = bytes.fromhex("302f300b") + oid + bytes.fromhex("0420") + digest
        sha1 = bytes.fromhex("3021300906052b0e03021a05000414") + hashlib.sha1(signed.encode()).digest()
        short = b"\x00\x01" + b"\xff" * 8 + b"\x00" + good
        return [
            ("DigestInfo without NULL", padded(bare)),
            ("DigestInfo of SHA-1", padded(sha1)),
            ("the bare digest, no DigestInfo", padded(digest)),
            ("eight bytes of padding and garbage after the digest", short + b"\xaa" * (size - len(short))),
            ("a zero byte after the digest", padded(good, tail=b"\x00")),
            ("block type 2", padded(good, first=b"\x00\x02")),
            ("block type 0, zero padding", padded(good, first=b"\x00\x00", fill=b"\x00")),
            ("padding of 00 instead of ff", padded(good, fill=b"\x00")),
        ]

    jwk = dress(key.public, "RS256")
    signed = f"{b64(compact({'alg': 'RS256'}))}.{b64(compact(claims_of(5300)))}"
    for what, message in block(signed):
        raw = pow(int.from_bytes(message, "big"), d, n).to_bytes(size, "big")
        out.add(f"RS256 padding: {what}", f"{HAZMAT} and pow()", "RS256", jwk, f"{signed}.{b64(raw)}", "A403JT")
    for jti in range(100_000):  # s + n is as long as n now and then only
        signed, _, text = library.sign("RS256", key, {}, claims_of(5310, jti=f"{jti}")).rpartition(".")
        more = int.from_bytes(unb64(text), "big") + n
        if more < 256**size:
            break
    out.add("RS256 signature: s + n, not below n (RFC 8017 5.2.2)", library.name, "RS256", jwk,
            f"{signed}.{b64(more.to_bytes(size, 'big'))}", "A403JT")
    for alg in ("RS256", "PS256"):
        token, _ = search(library, alg, key, {}, 5400, lambda token: unb64(token.rpartition(".")[2])[0] == 0)
        signed, _, text = token.rpartition(".")
        out.add(f"{alg} signature: its leading zero byte left out (RFC 8017 8: as long as n)", library.name, alg,
                dress(key.public, alg), f"{signed}.{b64(unb64(text)[1:])}", "A403JT",
                note="OpenSSL takes a short PSS signature; RFC 8017 8.1.2 and 8.2.2 refuse any length but n's")
    for what, value in (("0", 0), ("1", 1), ("n - 1", n - 1), ("n", n)):
        out.add(f"RS256 signature: the number {what}", library.name, "RS256", jwk,
                f"{signed_of('RS256', 5500)}.{b64(value.to_bytes(size, 'big'))}", "A403JT")

    digests = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
    for number, (bits, digest) in enumerate(digests.items(), 5600):
        alg, right = f"PS{bits}", digest.digest_size
        salts = {"of no bytes": 0, "a byte short": right - 1, "a byte long": right + 1, "of 20 bytes": 20,
                 "as long as can be": size - right - 2}
        cases = [(f"salt {what} (RFC 7518 3.5: as long as the hash)", digest, digest, salt)
                 for what, salt in salts.items()]
        cases.append(("MGF1 with SHA-1", digest, hashes.SHA1(), right))
        other = hashes.SHA512() if bits != "512" else hashes.SHA256()
        cases.append((f"MGF1 with {other.name}", digest, other, right))
        cases.append((f"hash and MGF1 {other.name}", other, other, other.digest_size))
        for what, digested, masked, salt in cases:
            signed = signed_of(alg, number)
            raw = key.hazmat.sign(signed.encode(), padding.PSS(padding.MGF1(masked), salt), digested)
            out.add(f"{alg} padding: {what}", HAZMAT, alg, dress(key.public, alg), f"{signed}.{b64(raw)}", "A403JT")


def signed_of(alg, number, **header):
    return f"{b64(compact({'alg': alg} | header))}.{b64(compact(claims_of(number)))}"


def eddsa_and_hmac(out, keys):
    library = MAIN[1]
    key = keys[library.name, "EdDSA"]
    jwk = dress(key.public, "EdDSA")
    signed, _, text = library.sign("EdDSA", key, {}, claims_of(5700)).rpartition(".")
    raw = unb64(text)
    r, s = raw[:32], int.from_bytes(raw[32:], "little")
    identity = bytes([1]) + bytes(31)
    for what, first, second in [
        ("S + L, not below L (RFC 8032 5.1.7)", r, s + ED25519_L),
        ("S with its top bit set", r, s | 1 << 255),
        ("S = 0", r, 0), ("S = L", r, ED25519_L), ("R the neutral point, S = 0", identity, 0),
        ("R no point of the curve", b"\xff" * 32, s), ("R with its sign bit flipped", r[:31] + bytes([r[31] ^ 0x80]), s),
    ]:
        out.add(f"EdDSA signature: {what}", library.name, "EdDSA", jwk,
                f"{signed}.{b64(first + second.to_bytes(32, 'little'))}", "A403JT", signature_only=True)
    swapped = raw[32:] + raw[:32]
    out.add("EdDSA signature: R and S changed over", library.name, "EdDSA", jwk, f"{signed}.{b64(swapped)}", "A403JT",
            signature_only=True)
    out.add("EdDSA: the header says Ed25519 (RFC 9864)", library.name, "EdDSA", dress(key.public, "EdDSA"),
            raw_token("EdDSA", key.hazmat, {"alg": "Ed25519"}, claims_of(5701)), "A403JT",
            note="a right signature under the newer name, which is another alg than the key's")

    key = keys[library.name, "HS256"]
    for what, secret in (("nothing", b""), ("the text of k instead of its bytes", key.public["k"].encode()),
                         ("the JWK's own text", compact(key.public)), ("k without its last byte", key.hazmat[:-1])):
        signed = signed_of("HS256", 5710)
        raw = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        out.add(f"HS256 keyed with {what}", "hmac of Python", "HS256", dress(key.public, "HS256"),
                f"{signed}.{b64(raw)}", "A403JT")
    for number, length in enumerate((1, 10, 16), 5720):  # RFC 2104's truncated HMAC is not RFC 7518's
        signed = signed_of("HS256", number)
        raw = raw_sign("HS256", key.hazmat, signed.encode())[:length]
        out.add(f"HS256 signature cut to {length} bytes", RAW, "HS256", dress(key.public, "HS256"),
                f"{signed}.{b64(raw)}", "A403JT")


def algorithms(out, keys):
    """Tokens whose alg differs from the key's. The key decides."""
    library = MAIN[2]
    number = 5800
    families = [RSA_ALGS, HMAC_ALGS]
    for family in families:
        for signed_alg in family:
            for key_alg in family:
                if signed_alg == key_alg:
                    continue
                key = keys[library.name, signed_alg]
                number += 1
                out.add(f"{signed_alg} token, key for {key_alg}", library.name, signed_alg, dress(key.public, key_alg),
                        library.sign(signed_alg, key, {}, claims_of(number)), "A403JT")
    for made, said in [("RS256", "PS256"), ("PS256", "RS256"), ("RS256", "RS512"), ("PS512", "PS256"), ("HS256", "HS512"),
                       ("HS512", "HS256"), ("ES256", "ES384"), ("ES256", "ES256K"), ("ES384", "ES256"), ("EdDSA", "ES256"),
                       ("ES256", "EdDSA"), ("RS256", "HS256"), ("HS256", "RS256"), ("ES256", "RS256"), ("RS256", "ES512")]:
        key = keys[library.name, made]
        number += 1
        out.add(f"{made} signature under the header's {said}, key without alg", RAW, made, dress(key.public),
                raw_token(made, key.hazmat, {"alg": said}, claims_of(number)), "A403JT")
    for made, held in [("ES256", "ES256K"), ("ES256K", "ES256"), ("ES256", "EdDSA"), ("EdDSA", "ES256"), ("RS256", "ES256"),
                       ("HS256", "RS256"), ("HS256", "EdDSA"), ("RS256", "HS256"), ("PS256", "EdDSA"), ("ES384", "HS384")]:
        number += 1
        out.add(f"{made} token, key of {held} only (no alg in it)", library.name, made,
                dress(keys[library.name, held].public),
                library.sign(made, keys[library.name, made], {}, claims_of(number)), "A403JT")
    for held in ("RS256", "ES256", "EdDSA", "HS256"):
        for said in ("none", "None", "NONE", "nOnE"):
            for what, text in (("empty", ""), ("some", b64(b"signature"))):
                signed = signed_of(said, number)
                out.add(f"alg {said} with {what} signature, key of {held}", "by hand", "none",
                        dress(keys[library.name, held].public), f"{signed}.{text}", "A403JT")
    key = keys[library.name, "RS256"]
    for what, value in [("missing", ...), ("a number", 256), ("null", None), ("true", True), ("a list", ["RS256"]),
                        ("an object", {"RS256": 1}), ("empty", ""), ("in small letters", "rs256"),
                        ("with a space behind", "RS256 "), ("with a zero byte behind", "RS256\0"), ("none", "none"),
                        ("of another standard", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"), ("RSA-OAEP", "RSA-OAEP")]:
        header = {"typ": "JWT"} if value is ... else {"alg": value, "typ": "JWT"}
        for dressed, jwk in (("key without alg", dress(key.public)), ("key for RS256", dress(key.public, "RS256"))):
            out.add(f"alg {what}, signed as RS256, {dressed}", RAW, "RS256", jwk,
                    raw_token("RS256", key.hazmat, header, claims_of(5990)), "A403JT")
    out.add("alg only as a member Alg", RAW, "RS256", dress(key.public),
            raw_token("RS256", key.hazmat, {"Alg": "RS256"}, claims_of(5991)), "A403JT")


def confusion(out, keys):
    """HMAC with a part of a public key as the secret."""
    library = MAIN[0]
    public = serialization.PublicFormat
    for held in ("RS256", "ES256", "EdDSA"):
        key = keys[library.name, held]
        exported = dress(key.public, held, None, "sig")
        secrets = {
            "SPKI PEM": spki(key.hazmat), "SPKI PEM without its last newline": spki(key.hazmat).rstrip(b"\n"),
            "SPKI DER": spki(key.hazmat, encoding=serialization.Encoding.DER), "JWK JSON": compact(exported),
            "bare JWK JSON": compact(dress(key.public)),
        }
        if held == "RS256":
            secrets |= {
                "PKCS#1 PEM": spki(key.hazmat, public.PKCS1),
                "PKCS#1 DER": spki(key.hazmat, public.PKCS1, serialization.Encoding.DER),
                "n, as text": key.public["n"].encode(), "n, as bytes": unb64(key.public["n"]),
            }
        else:
            secrets |= {"x, as text": key.public["x"].encode(), "x, as bytes": unb64(key.public["x"])}
        for what, secret in secrets.items():
            signed = signed_of("HS256", 6000)
            raw = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
            for dressed, jwk in (("key with alg", exported), ("key without alg", dress(key.public))):
                out.add(f"HS256 keyed with the {held} key's {what}, {dressed}", "hmac of Python", "HS256", jwk,
                        f"{signed}.{b64(raw)}", "A403JT")
    mine, theirs = keys[MAIN[0].name, "ES256"], keys[MAIN[1].name, "ES256"]
    for member, value in (("jwk", dress(theirs.public, "ES256")), ("jku", "https://attacker.example/jwks"),
                          ("x5u", "https://attacker.example/chain"), ("x5c", ["AAAA"])):
        out.add(f"signed with an own key, named in the header's {member}", RAW, "ES256", dress(mine.public),
                raw_token("ES256", theirs.hazmat, {"alg": "ES256", member: value}, claims_of(6100)), "A403JT")


def critical(out, keys):
    key = keys[MAIN[1].name, "ES256"]
    jwk = dress(key.public, "ES256")
    payload = compact(claims_of(6200))
    for what, header in [
        ("b64 false, payload in base64url all the same", {"crit": ["b64"], "b64": False}),
        ("b64 true", {"crit": ["b64"], "b64": True}),
        ("an unknown extension", {"crit": ["x-must"], "x-must": 1}),
        ("an unknown extension that is not there", {"crit": ["x-must"]}),
        ("an empty list", {"crit": []}), ("alg", {"crit": ["alg"]}), ("exp, as RFC 7515 4.1.11", {"crit": ["exp"], "exp": EXP}),
        ("no list but text", {"crit": "b64", "b64": False}), ("null", {"crit": None}), ("a list of numbers", {"crit": [1]}),
        ("false", {"crit": False}), ("an object", {"crit": {}}),
    ]:
        out.add(f"crit: {what}", RAW, "ES256", jwk, raw_token("ES256", key.hazmat, {"alg": "ES256"} | header, payload),
                "A403JT", note="crit of any kind is refused: the plugin knows no extension, a library may know b64")
    head = b64(compact({"alg": "ES256", "b64": False, "crit": ["b64"]}))
    raw = raw_sign("ES256", key.hazmat, f"{head}.".encode() + payload)
    out.add("crit: b64 false, payload detached (RFC 7797 5.2)", RAW, "ES256", jwk, f"{head}..{b64(raw)}", "A403JT")
    plain = b'{"exp":4102444800}'
    raw = raw_sign("ES256", key.hazmat, f"{head}.".encode() + plain)
    out.add("crit: b64 false, payload as it is (RFC 7797)", RAW, "ES256", jwk, f"{head}.{plain.decode()}.{b64(raw)}",
            "I400JD", note="a segment that is no base64url is refused before crit is looked at")


def key_ids(out, keys):
    library = MAIN[1]
    key = keys[library.name, "ES256"]
    jwk = dress(key.public, "ES256", "the-kid", "sig")
    note = "a library with a key set of one key may take that key whatever the token says; the plugin does not"
    for what, header in [
        ("unknown", {"kid": "another"}), ("missing", {}), ("empty", {"kid": ""}), ("of other case", {"kid": "The-Kid"}),
        ("with a space behind", {"kid": "the-kid "}), ("a path", {"kid": "../../../../dev/null"}),
        ("SQL", {"kid": "' OR '1'='1"}), ("of 4000 characters", {"kid": "k" * 4000}),
        ("with line ends and controls", {"kid": "the-kid\r\nx-injected: 1\0\x7f"}), ("beyond ASCII", {"kid": "\u9375\U0001F511"}),
        ("only its prefix", {"kid": "the"}),
    ]:
        out.add(f"kid {what}, key with kid", RAW, "ES256", jwk,
                raw_token("ES256", key.hazmat, {"alg": "ES256"} | header, claims_of(6300)), "A403JK",
                note=note)
    out.add("kid unknown and alg none: the key is looked for first", "by hand", "none", jwk,
            f"{signed_of('none', 6301, kid='another')}.", "A403JK")
    out.add("kid right, signature by another key", RAW, "ES256", jwk,
            raw_token("ES256", keys[MAIN[0].name, "ES256"].hazmat, {"alg": "ES256", "kid": "the-kid"}, claims_of(6302)),
            "A403JT")


