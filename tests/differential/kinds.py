"""The kinds of tokens: valid ones, and ones with one difference. Each function returns (label, token, options)."""

import json

from keys import ORDERS, sign
from libraries import ALGS, HMAC_ALGS, b64, unb64

NOW = 1700000000
WEEK = 604800
# ignoreExpirationCheck, clockSkewSeconds, maxTokenLifetimeSeconds
OPTIONS = [(False, 0, WEEK), (True, 0, WEEK), (False, 30, 0), (False, 30, 3600)]

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
STRANGE = [
    "null", "true", "false", '"1700003600"', '""', "[]", "[1700003600]", "{}", '{"a":1700003600}', "-1", "0", "-0", "-0.0",
    "1e400", "-1e400", "1e-400", "1E9", "1.7e9", "17000036e2", "1700003600.0", "1700003600.999", "9007199254740993",
    "18446744073709551616", "1e308", "0.1e11", "1700003600" + "0" * 300, "1700003600." + "9" * 40, "NaN", "Infinity",
    "-Infinity", "01700003600", "+1700003600", "0x6553F100", "1700003600.", ".5", "1_700_003_600", "1e", "'1700003600'",
]


class Maker:
    def __init__(self, random, keys):
        self.random, self.keys, self.number = random, keys, 0

    def key(self):
        return self.random.choices(self.keys, [key.weight for key in self.keys])[0]

    def claims(self, **more):
        """Claims that are valid for an hour and differ in every token."""
        self.number += 1
        return {"sub": f"u{self.number}", "exp": NOW + 3600, **more}

    def header(self, key, alg=None, **more):
        kid = {"kid": key.jwk["kid"]} if "kid" in key.jwk else {}
        return {"alg": alg or key.alg, **kid, **more}

    def token(self, key, header=None, payload=None, alg=None):
        """A token with these members or bytes, signed with the key's algorithm or another one."""
        header = self.header(key, alg) if header is None else header
        payload = self.claims() if payload is None else payload
        text = f"{segment(header)}.{segment(payload)}"
        return f"{text}.{b64(sign(key, alg or key.alg, text.encode()))}"

    def pick(self, *choices):
        return self.random.choice(choices)


def segment(value):
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return b64(value)


def put(claims, name, literal):
    """The claims as JSON, with this member at the end, whose value is exactly the given text."""
    rest = json.dumps({k: v for k, v in claims.items() if k != name}, separators=(",", ":"))
    return (rest[:-1] + f',"{name}":{literal}}}').encode()


def good(m):
    key = m.key()
    alg = m.random.choice(key.algs) if "alg" not in key.jwk else key.alg
    more = m.pick({}, {"typ": "JWT"}, {"typ": "at+jwt"}, {"x": [1]}) if key.family != "RSA" else {}
    claims = m.claims(**m.pick({}, {"iat": NOW}, {"nbf": NOW - 5}, {"aud": ["a"]}, {"iat": NOW - 0.5, "jti": "é€😀"}))
    return "good", m.token(key, m.header(key, alg, **more), claims, alg), 0


def times(m):
    """A time close to a limit, in one of the notations of a number."""
    key, option = m.key(), m.random.randrange(len(OPTIONS))
    name = m.pick("exp", "exp", "nbf", "iat")
    edge = m.pick(0, 0, 30, -30, 3600, -3600, WEEK, -WEEK, 3600 - WEEK, 10**9, -(10**9))
    offset = m.pick(-1, 0, 0, 1, -0.5, 0.5, -0.001, 0.001, 29, -29)
    value = NOW + edge + offset
    literal = m.pick(
        repr(value), repr(value), f"{value:.3f}", f"{value:.6e}" if offset == 0 else repr(value), f"{value * 10:.2f}e-1")
    claims = m.claims(**m.pick({}, {}, {"iat": NOW - 10}, {"nbf": NOW}))
    return f"times/{name}", m.token(key, payload=put(claims, name, literal)), option


def types(m):
    key, option = m.key(), m.random.randrange(len(OPTIONS))
    name = m.pick("exp", "exp", "nbf", "iat")
    return f"types/{name}", m.token(key, payload=put(m.claims(), name, m.pick(*STRANGE))), option


def missing(m):
    claims = m.claims()
    del claims["exp"]
    return "missing exp", m.token(m.key(), payload=m.pick(claims, {}, {"EXP": NOW + 9}, {"iat": NOW})), m.pick(0, 1, 2)


def other_claims(m):
    name = m.pick("sub", "aud", "iss", "jti", "v", "", "typ", "crit")
    literal = m.pick(*STRANGE[:24], '"\\ud83d\\ude00"', '"\\u0000"', '["a",["b"]]', '"' + "x" * 200 + '"')
    return f"claims/{name}", m.token(m.key(), payload=put(m.claims(), name, literal)), 0


def headers(m):
    key = m.key()
    name = m.pick("typ", "cty", "jku", "jwk", "x5u", "x5c", "x5t", "crit", "b64", "zip", "enc", "exp", "unknown", "nonce")
    value = m.pick(
        None, True, False, 5, "", "JWT", "https://a.example/", [], ["b64"], ["exp"], ["alg"], [1], {}, {"kty": "oct"}, "DEF")
    more = {"b64": m.pick(True, False)} if name == "crit" and value == ["b64"] else {}
    return f"header/{name}", m.token(key, m.header(key, **{name: value}, **more)), 0


def algs(m):
    """A header with another `alg` than the key's. Signed with that `alg` if the key supports it."""
    key = m.key()
    said = m.pick(*ALGS, "none", "None", "", "rs256", "es256 ", "ES512", "HS1", "RSA-OAEP", None, 256, ["ES256"], {}, True)
    signed = said if isinstance(said, str) and said in key.algs and m.random.random() < 0.8 else key.alg
    header = m.header(key)
    if m.random.random() < 0.05:
        del header["alg"]
    else:
        header["alg"] = said
    token = m.token(key, header, alg=signed)
    if said in ("none", "None") and m.random.random() < 0.5:
        token = token.rpartition(".")[0] + "."
    return "alg", token, 0


def kids(m):
    key = m.key()
    kid = m.pick("k1", "k2", "k3", "k10", "K2", "", "k2 ", "é", "../k2", 2, None, True, [], ["k2"], {}, ...)
    header = m.header(key)
    header.pop("kid", None)
    if kid is not ...:
        header["kid"] = kid
    return "kid", m.token(key, header), 0


def other_key(m):
    """Signed with another key, or with a public part of the key as a secret. The header names the right key."""
    key, other = m.key(), m.key()
    header = m.header(key)
    if m.random.random() < 0.3 and key.family != "oct":
        known = m.pick(*[value for name, value in key.jwk.items() if name in ("x", "y", "n", "kid", "kty")])
        secret = type(key)("oct", m.pick(known.encode(), unb64(known)), {}, 0)
        header["alg"] = m.pick(*HMAC_ALGS)
        return "other key/public part", m.token(secret, header, alg=header["alg"]), 0
    return "other key", m.token(other, header, alg=other.alg), 0


def signatures(m):
    key = m.key()
    text, _, signature = m.token(key).rpartition(".")
    raw = bytearray(unb64(signature))
    half, at = len(raw) // 2, m.random.randrange(len(raw))
    how = m.pick("bit", "bit", "byte", "cut", "longer", "front", "empty", "zero", "swapped", "part", "order", "order", "ff")
    if how == "bit":
        raw[at] ^= 1 << m.random.randrange(8)
    elif how == "byte":
        raw[at] = m.random.randrange(256)
    elif how == "cut":
        raw = raw[: m.pick(at, -1, half)]
    elif how == "longer":
        raw += bytes(m.pick(1, 2, 32))
    elif how == "front":
        raw = bytes(1) + raw
    elif how == "empty":
        raw = b""
    elif how == "zero":
        raw[m.pick(0, half):m.pick(half, len(raw))] = bytes(half)
        raw = raw[: 2 * half]
    elif how == "swapped":
        raw = raw[half:] + raw[:half]
    elif how == "part":
        raw[half:] = raw[:half]
    elif how == "ff":
        raw[half:] = b"\xff" * half
    elif key.family in ORDERS:  # the other s that verifies, or an r above the order
        n, r, s = ORDERS[key.family], int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
        r, s = m.pick((r, n - s), (r, n - s), (r, s + n), (r + n, s), (n, s), (r, n))
        top = 2 ** (8 * half)
        raw = (r % top).to_bytes(half, "big") + (s % top).to_bytes(half, "big")
    return f"signature/{how}", f"{text}.{b64(bytes(raw))}", 0


def segments(m):
    key = m.key()
    a, b = m.token(key), m.token(key)
    (h, p, s), (_, p2, s2) = a.split("."), b.split(".")
    white = m.pick(" ", "\n", "\t", "\r\n", "\0", "\u00a0")
    return "segments", m.pick(
        f"{h}.{p}", f"{h}..{s}", f".{p}.{s}", f"{h}.{p}.", f"{h}.{p2}.{s}", f"{h}.{p}.{s2}", f"{p}.{h}.{s}", f"{a}.", f".{a}",
        f"{a}.{s}", f"{h}.{p}.{s}.{p}.{s}", f"{h}{p}.{s}", f"{white}{a}", f"{a}{white}", f"{h}.{white}{p}.{s}",
        f"{h}.{p}{white}.{s}", f"{h}{white}.{p}.{s}", f'"{a}"', f"{h}:{p}:{s}", "", ".", "..", "...", a.upper(), h,
        json.dumps({"protected": h, "payload": p, "signature": s}), f"{a},{a}", f"Bearer {a}", a + "=", a[:-1], a[1:]), 0


def spellings(m):
    """A segment in another form of base64. Header and payload are signed in this form."""
    key, which = m.key(), m.random.randrange(3)
    parts = [segment(m.header(key)), segment(m.claims(x="?>~" * m.random.randrange(1, 4)))]
    parts.append(b64(sign(key, key.alg, ".".join(parts).encode())))
    text = parts[which]
    middle, last = m.random.randrange(1, len(text) - 1), ALPHABET.index(text[-1])
    parts[which] = m.pick(
        text + "=" * (-len(text) % 4), text + "=", text + "==", text.replace("-", "+").replace("_", "/"),
        text[:-1] + ALPHABET[last ^ 1], text[:-1] + ALPHABET[last ^ 3], text[:middle] + m.pick(*"\n =!+/%~\t") + text[middle:],
        text + "A", text + "AA", text[:middle] + "\r\n" + text[middle:], text + "\u00e9", text[:middle] + "é" + text[middle:])
    if which < 2:
        parts[2] = b64(sign(key, key.alg, ".".join(parts[:2]).encode()))
    return f"base64/{('header', 'payload', 'signature')[which]}", ".".join(parts), 0


def oddities(m):
    """JSON that parsers read differently, in the header or in the payload."""
    key, in_header = m.key(), m.random.random() < 0.4
    members = m.header(key) if in_header else m.claims()
    text = json.dumps(members, separators=(",", ":")).encode()
    name, literal = ("alg", json.dumps(key.alg)) if in_header else ("exp", str(NOW + 3600))
    open_, rest, bad = text[:-1], text[1:], '"none"' if in_header else "1"
    deep = m.pick(5, 6, 7, 8, 9, 62, 63, 64, 65, 120) if in_header else m.pick(8, 61, 62, 63, 64, 65, 90)
    text = m.pick(
        open_ + f',"{name}":{literal}}}'.encode(), open_ + f',"{name}":{bad}}}'.encode(), f'{{"{name}":{bad},'.encode() + rest,
        open_ + f',"\\u{ord(name[0]):04x}{name[1:]}":{literal}}}'.encode(), open_ + b',"x":1,"x":1}', open_ + b',"x":{"y":1,"y":1}}',
        open_ + b',"x":NaN}', open_ + b',"x":-Infinity}', open_ + b',"x":1e400}', open_ + b',"x":"\\ud800"}', open_ + b',"x":"\\ude00\\ud83d"}',
        open_ + b',"x":"\xff"}', open_ + b',"x":"\xc0\xaf"}', open_ + b',"x":"\xed\xa0\x80"}', open_ + b',"x":"\n"}', open_ + b',"x":"\x7f"}',
        open_ + b',"x":"\\x41"}', open_ + b",}", open_, text + b" \r\n\t", b" \n" + text, text + b"\0", text + b"x", text + text, text + b"//",
        b"\xef\xbb\xbf" + text, text.decode().encode("utf-16"), text.decode().encode("utf-16-le"), text.decode().encode("utf-32"),
        text.replace(b'"', b"'"), b"[" + text + b"]", b"", b"null", b'"x"', b"1", b"\f" + text, text.replace(b":", b" : "),
        open_ + b',"x":' + b"[" * deep + b"]" * deep + b"}", open_ + b',"x":' + b"[" * deep + b"1" + b"]" * deep + b"}",
        open_ + b',"x":' + b'{"x":' * deep + b"1" + b"}" * deep + b"}", open_ + b',"":1}', open_ + b',"x":01}', open_ + b',"x":1.}',
        open_ + b',"x":' + b"9" * 300 + b"}", open_ + b',"x":True}', open_ + b',"\\ud800":1}', open_ + b',"x":"\\/\\b"}')
    token = m.token(key, text) if in_header else m.token(key, payload=text)
    return f"json/{'header' if in_header else 'payload'}", token, 0


def long(m):
    key = m.key()
    if m.random.random() < 0.4:
        return "long header", m.token(key, m.header(key, x="x" * m.pick(300, 400, 900))), 0
    return "long", m.token(key, payload=m.claims(x="x" * m.pick(11900, 12300))), 0


KINDS = [
    (good, 12), (times, 22), (types, 10), (missing, 2), (other_claims, 5), (headers, 10), (algs, 10), (kids, 5), (other_key, 4),
    (signatures, 10), (segments, 6), (spellings, 8), (oddities, 12), (long, 0.4),
]
