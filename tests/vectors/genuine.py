"""Tokens that pass: every algorithm from every library that supports it, and unusual ones that must be accepted."""

from libraries import ALGS, CURVES, HMAC_ALGS, RSA_ALGS, SIGNERS, b64, compact, unb64
from collect import EXP, NOW, RAW, claims_of, dress, raw_token

ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    "ES256K": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    "ES512": 0x1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
}


def ecdsa_parts(signature):
    half = len(signature) // 2
    return int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"), half


def ecdsa_tags(alg, token):
    """The properties of an ECDSA signature, for the vector's name."""
    signature = unb64(token.rpartition(".")[2])
    r, s, half = ecdsa_parts(signature)
    tags = {"high-s" if s > ORDERS[alg] // 2 else "low-s"}
    for letter, part in (("r", r), ("s", s)):
        first = part >> 8 * (half - 1)
        if alg == "ES512":  # 521 bits in 66 bytes: the first byte is 0 or 1
            second = part >> 8 * (half - 2) & 0xFF
            tags.add(f"{letter} has 521 bits" if first else f"{letter} starts with 00{'00' * (second == 0)}")
            if first == 0 and second & 0x80:
                tags.add(f"{letter} starts with 00 and a high bit")
            continue
        if first == 0:
            tags.add(f"{letter} starts with 00")
        elif first & 0x80:
            tags.add(f"{letter} starts with a high bit")
    return tags


def search(library, alg, key, header, number, wanted):
    """Signs with different jtis until the signature has the wanted property."""
    for attempt in range(100_000):
        claims = claims_of(number, jti=f"jti-{number}-{attempt}")
        token = library.sign(alg, key, header, claims)
        if wanted(token):
            return token, claims
    raise RuntimeError(f"{library.name} {alg}: not found")


def every_algorithm(out, algs=ALGS):
    """Four forms of the JWK for each library and algorithm. Returns the keys by (library name, alg)."""
    keys, number = {}, 0
    for library in SIGNERS:
        shared = None
        for alg in (alg for alg in library.algs if alg in algs):
            if alg in RSA_ALGS:  # one key for the whole family
                shared = shared or library.generate(alg)
                key = shared
            else:
                key = library.generate(alg)
            keys[library.name, alg] = key
            kid = f"{library.name.split()[0]}-{alg}"
            dresses = [
                ("key with kid, use and alg", dress(key.public, alg, kid, "sig"), {"kid": kid, "typ": "JWT"}),
                ("key without kid and alg, token without kid", dress(key.public), {}),
                ("key without kid, token with one", dress(key.public, alg), {"kid": "some-other"}),
                ("key with kid, without alg", dress(key.public, None, kid), {"kid": kid}),
            ]
            for what, jwk, header in dresses:
                number += 1
                claims = claims_of(number)
                token = library.sign(alg, key, header, claims)
                tags = ", ".join(sorted(ecdsa_tags(alg, token))) if alg in CURVES else None
                out.ok(f"{alg} {library.name}: {what}", library.name, alg, jwk, token, claims, note=tags)
    return keys


def ecdsa_corners(out, keys):
    """For each signer: r or s with a leading zero byte or with its high bit set, and s in either half of the order.

    RFC 8812 has no low-s rule for ES256K, but verifiers made for blockchains often do.
    """
    number = 1000
    of_p521 = ["r has 521 bits", "s has 521 bits", "r starts with 00 and a high bit", "r starts with 0000", "high-s", "low-s"]
    corners = ["r starts with 00", "s starts with 00", "r starts with a high bit", "high-s", "low-s"]
    for (name, alg), key in keys.items():
        if alg not in CURVES:
            continue
        library = next(library for library in SIGNERS if library.name == name)
        # Pure Python signs too slowly for the rare ones.
        rare = "(" not in name
        for corner in (of_p521 if rare else of_p521[:2]) if alg == "ES512" else corners if rare else corners[2:]:
            number += 1
            token, claims = search(
                library, alg, key, {}, number, lambda token, corner=corner: corner in ecdsa_tags(alg, token))
            tags = ", ".join(sorted(ecdsa_tags(alg, token)))
            out.ok(f"{alg} {name}: {corner}", name, alg, dress(key.public, alg), token, claims, note=tags)
    for alg in (alg for alg in CURVES if (SIGNERS[0].name, alg) in keys):
        key = keys[SIGNERS[0].name, alg]
        number += 1
        claims = claims_of(number)
        signed, _, signature = SIGNERS[0].sign(alg, key, {}, claims).rpartition(".")
        r, s, half = ecdsa_parts(unb64(signature))
        twin = b64(r.to_bytes(half, "big") + (ORDERS[alg] - s).to_bytes(half, "big"))
        for what, text in (("as signed", signature), ("s replaced by n - s", twin)):
            out.ok(f"{alg} one signature twice: {what}", SIGNERS[0].name, alg, dress(key.public, alg),
                   f"{signed}.{text}", claims)


def rsa_corners(out, keys):
    number = 2000
    for bits, signer, algs in ((3072, SIGNERS[0], ("RS384", "PS384")), (4096, SIGNERS[1], ("RS512", "PS256"))):
        key = signer.generate("RS256", bits)
        for alg in algs:
            number += 1
            claims = claims_of(number)
            kid = f"rsa-{bits}"
            out.ok(f"{alg} {signer.name}: RSA {bits}", signer.name, alg, dress(key.public, alg, kid, "sig"),
                   signer.sign(alg, key, {"kid": kid}, claims), claims)
    for alg in ("RS256", "PS256"):
        key = keys[SIGNERS[2].name, alg]
        token, claims = search(
            SIGNERS[2], alg, key, {}, number + 10, lambda token: unb64(token.rpartition(".")[2])[0] == 0)
        out.ok(f"{alg} {SIGNERS[2].name}: signature starts with 00", SIGNERS[2].name, alg, dress(key.public, alg),
               token, claims)


def unusual_but_right(out, keys):
    """Valid tokens with JSON and claims that a careless parser could misread."""
    key = keys[SIGNERS[0].name, "ES256"]
    jwk = dress(key.public, "ES256", "k1", "sig")
    header = {"alg": "ES256", "kid": "k1"}
    base = claims_of(3000)

    def ok(what, claims, payload=None, head=None, **more):
        token = raw_token("ES256", key.hazmat, head or header, payload or claims)
        out.ok(f"unusual: {what}", RAW, "ES256", jwk, token, claims, **more)

    ok("aud is a list", base | {"aud": ["billing", "orders"]})
    ok("no iat", {k: v for k, v in base.items() if k != "iat"})
    ok("nbf in the past", base | {"nbf": NOW - 60})
    ok("nbf equals now", base | {"nbf": NOW})
    ok("iat later than now", base | {"iat": EXP - 60},
       note="the plugin has no rule about an iat in the future; some libraries refuse it")
    text = compact(base)
    for what, number in (("with a fraction", b"4102444800.5"), ("with an exponent", b"4.1024448e9"),
                         ("with an exponent and no point", b"41024448E2"), ("with a zero fraction", b"4102444800.0")):
        payload = text.replace(b'"exp":4102444800', b'"exp":' + number)
        ok(f"exp {what}", base | {"exp": float(number)}, payload)
    ok("iat with a fraction", base | {"iat": NOW + 0.5})
    ok("exp one second away", base | {"exp": NOW + 1}, only_at_now=True)
    ok("numbers", base | {"big": 9007199254740993, "negative": -1, "zero": 0, "flag": True, "nothing": None})
    ok("strings beyond ASCII, unescaped", base | {"name": "Frodo \u00e9\u20ac\U0001F600"},
       text[:-1] + ',"name":"Frodo \u00e9\u20ac\U0001F600"}'.encode())
    ok("an escaped surrogate pair", base | {"name": "\U0001F600"}, text[:-1] + b',"name":"\\ud83d\\ude00"}')
    ok("escaped claim names", base, text.replace(b'"exp"', b'"\\u0065xp"').replace(b'"userId"', b'"user\\u0049d"'))
    ok("white space around the payload's JSON", base, b" \t\r\n" + text.replace(b'":', b'"\n :\t') + b"\r\n ")
    nested = 1
    for _ in range(20):
        nested = {"a": [nested]}
    ok("an object 40 levels deep", base | {"deep": nested})
    ok("a token of 15 KiB", base | {"blob": "x" * 11000})
    ok("white space in the header's JSON", base, head=b'\r\n{ "kid" : "k1",\n "alg" : "ES256" }\t')
    ok("an escaped header name", base, head=b'{"\\u0061lg":"ES256","kid":"k1"}')
    ok("typ at+jwt and an unknown header member", base, head=header | {"typ": "at+jwt", "x-extra": {"a": [1]}})
    other = keys[SIGNERS[1].name, "ES256"].public
    ok("jwk, jku, x5u and x5c in the header, all ignored", base, head=header | {
        "jwk": other, "jku": "https://keys.example/jwks", "x5u": "https://keys.example/c", "x5c": ["AAAA"]})
    ok("without expiration: no exp", {k: v for k, v in base.items() if k != "exp"}, ignore=True)
    ok("without expiration: an exp long past", base | {"exp": NOW - 10**8, "iat": NOW - 2 * 10**8}, ignore=True)
    ok("without expiration: an empty object", {}, b"{}", ignore=True)
    secret = bytes(range(256)) * 2  # longer than the block of the hash, so HMAC hashes it first
    for alg in HMAC_ALGS:
        oct_jwk = {"kty": "oct", "kid": "long", "k": b64(secret)}
        claims = claims_of(3100)
        out.ok(f"unusual: {alg} with a secret of 512 bytes", RAW, alg, oct_jwk,
               raw_token(alg, secret, {"alg": alg, "kid": "long"}, claims), claims)
    for alg, size in zip(HMAC_ALGS, (32, 48, 64)):
        exact = bytes(range(1, size + 1))
        claims = claims_of(3200)
        out.ok(f"unusual: {alg} with a secret just as long as its hash", RAW, alg,
               {"kty": "oct", "alg": alg, "k": b64(exact)}, raw_token(alg, exact, {"alg": alg}, claims), claims)

