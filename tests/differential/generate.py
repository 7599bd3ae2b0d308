#!/usr/bin/env python3
"""Generates cases.json: tokens with the verdicts of two libraries. No private key is written. See `make differential`.

The libraries check format, key and signature, with the algorithms that the key allows. Times are validated here, on the
claims as each library reads them, because neither library has all of the rules. README.md explains the letters.
"""

import json
import math
import random
import sys
from collections import Counter
from pathlib import Path

from keys import all_keys
from kinds import KINDS, NOW, OPTIONS, Maker
from libraries import Joserfc, Jwcrypto, allowed_algs

import joserfc.jwk
import joserfc.jws
import joserfc.jwt
import jwcrypto.common
import jwcrypto.jwk
import jwcrypto.jws

SEED = 7519


def claims_by_jwcrypto(token, jwk):
    key = jwcrypto.jwk.JWK(**jwk)
    if "kid" in jwk:  # look the key up by its kid, like the filter
        keys = jwcrypto.jwk.JWKSet()
        keys.add(key)
        key = keys
    jws = jwcrypto.jws.JWS()
    jws.allowed_algs = allowed_algs(jwk)
    jws.deserialize(token, key)
    return jwcrypto.common.json_decode(jws.payload)  # like jwcrypto's own JWT


def claims_by_joserfc(token, jwk):
    key = joserfc.jwk.import_key(jwk)
    if "kid" in jwk:
        key = joserfc.jwk.KeySet([key])
    registry = joserfc.jws.JWSRegistry(algorithms=allowed_algs(jwk), strict_check_header=False)
    return joserfc.jwt.decode(token, key, registry=registry).claims


def is_date(value):
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(float(value))
    except OverflowError:  # an integer with hundreds of digits
        return False


def letter_of(claims, options):
    """p: passes, e: expired, r: rejected for another reason in the claims."""
    ignore, skew, lifetime = options
    if not isinstance(claims, dict):
        return "r"
    if any(name in claims and not is_date(claims[name]) for name in ("exp", "nbf", "iat")):
        return "r"
    if not ignore:
        if "exp" not in claims:
            return "r"
        if NOW >= claims["exp"] + skew:
            return "e"
        if lifetime and claims["exp"] - claims.get("iat", NOW) >= lifetime:
            return "r"
    return "r" if "nbf" in claims and NOW < claims["nbf"] - skew else "p"


def judge(read, token, jwk, options):
    """The letter, or x if the library itself rejects the token."""
    try:
        claims = read(token, dict(jwk))
    except (Exception, RecursionError):  # any exception means that the token is not accepted
        return "x"
    return letter_of(claims, options)


def main(count):
    source = random.Random(SEED)
    keys = all_keys(source)
    maker = Maker(source, keys)
    taken = []
    maker.key = lambda choose=maker.key: taken.append(choose()) or taken[-1]
    makers, weights = zip(*KINDS)
    cases, letters = [], Counter()
    while len(cases) < count:
        taken.clear()
        label, token, option = source.choices(makers, weights)[0](maker)
        key = taken[0]
        said = "".join(
            judge(read, token, key.jwk, OPTIONS[option]) for read in (claims_by_jwcrypto, claims_by_joserfc))
        letters[said] += 1
        cases.append([keys.index(key), option, said, label, token])
    head = {
        "about": "Made by generate.py; README.md says what the members mean.",
        "libraries": [Jwcrypto.name, Joserfc.name], "now": NOW,
        "options": [dict(zip(("ignoreExpirationCheck", "clockSkewSeconds", "maxTokenLifetimeSeconds"), one)) for one in OPTIONS],
    }
    path = Path(__file__).resolve().parent / "cases.json"
    with path.open("w") as out:
        out.write(json.dumps(head, indent=1)[:-2] + ',\n "keys": [\n')
        out.write(",\n".join(json.dumps(key.jwk, separators=(",", ":")) for key in keys) + '\n ],\n "cases": [\n')
        out.write(",\n".join(json.dumps(case, separators=(",", ":"), ensure_ascii=True) for case in cases) + "\n ]\n}\n")
    print(f"{path.name}: {count} cases, {path.stat().st_size} bytes, {dict(letters.most_common())}")


main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
