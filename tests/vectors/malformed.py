"""Tokens with a valid signature but a wrong format, a malformed payload or invalid claims."""

from collect import EXP, NOW, RAW, claims_of, dress, raw_token, rfc3339
from genuine import search
from libraries import SIGNERS, b64, compact

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LENIENT = "a lenient base64 decoder; strict unpadded base64url is demanded (RFC 7515 2 and appendix C)"
JSON_NOTE = "signed properly; Python's json takes it"


def spoilt(segment):
    """Other encodings of a segment, none of them base64url. Its length is 2 or 3 more than a multiple of 4."""
    last, middle = ALPHABET.index(segment[-1]), len(segment) // 2
    pad = "=" * (-len(segment) % 4)
    assert pad and last % (4 if len(pad) == 1 else 16) == 0
    yield "padded", segment + pad
    yield "wrongly padded", segment + ("=" if len(pad) == 2 else "==")
    yield "padded with %3D", segment + pad.replace("=", "%3D")
    yield "with + for -", segment.replace("-", "+")
    yield "with / for _", segment.replace("_", "/")
    yield "with trailing bits set", segment[:-1] + ALPHABET[last + 1]
    yield "with a newline inside", segment[:middle] + "\n" + segment[middle:]
    yield "with a CRLF inside", segment[:middle] + "\r\n" + segment[middle:]
    yield "with a space inside", segment[:middle] + " " + segment[middle:]
    yield "with a tab inside", segment[:middle] + "\t" + segment[middle:]
    yield "with a ! inside", segment[:middle] + "!" + segment[middle:]
    yield "with = inside", segment[:middle] + "=" + segment[middle:]
    yield "of an impossible length", segment + "A" * (5 - len(segment) % 4)


def has_all(text):
    return "-" in text and "_" in text and len(text) % 4 in (2, 3)


def segments(out, keys):
    library = SIGNERS[2]
    for alg in ("ES256", "RS256"):
        key = keys[library.name, alg]
        jwk = dress(key.public, alg)
        # These bytes give both - and _ in base64url at any position.
        odd = "".join(chr(c) for c in (0x3F, 0x3E)) * 6
        head = next(text for n in range(20) if has_all(text := b64(compact({"alg": alg, "x": odd + "~" * n}))))
        body = next(text for n in range(20) if has_all(text := b64(compact(claims_of(7000, x=odd + "~" * n)))))
        token, _ = search(library, alg, key, {}, 7005, lambda token: has_all(token.rpartition(".")[2]))
        signed, _, signature = token.rpartition(".")
        for how, text in spoilt(head):
            out.add(f"{alg} header segment {how}, signed so", RAW, alg, jwk, raw_token(alg, key.hazmat, text, body),
                    "I400JD", note=LENIENT)
        for how, text in spoilt(body):
            out.add(f"{alg} payload segment {how}, signed so", RAW, alg, jwk, raw_token(alg, key.hazmat, head, text),
                    "I400JD", note=LENIENT)
        for how, text in spoilt(signature):
            out.add(f"{alg} signature segment {how}", RAW, alg, jwk, f"{signed}.{text}", "I400JD", note=LENIENT)
    for alg in ("EdDSA", "HS256"):
        key = keys[library.name, alg]
        token, _ = search(library, alg, key, {}, 7010, lambda token: has_all(token.rpartition(".")[2]))
        signed, _, signature = token.rpartition(".")
        for how, text in spoilt(signature):
            out.add(f"{alg} signature segment {how}", RAW, alg, dress(key.public, alg), f"{signed}.{text}", "I400JD",
                    note=LENIENT)
    key = keys[library.name, "ES256"]
    jwk = dress(key.public, "ES256")
    token = raw_token("ES256", key.hazmat, {"alg": "ES256"}, claims_of(7020))
    head, payload, signature = token.split(".")
    for what, text in [
        ("one segment", head), ("two segments", f"{head}.{payload}"), ("two segments, the signature second", f"{head}.{signature}"),
        ("four segments", f"{token}.{signature}"), ("four segments, the last empty", f"{token}."),
        ("five segments, as a JWE", f"{head}.{payload}.{signature}.{payload}.{signature}"),
        ("five segments, the token twice", f"{token}.{payload}.{signature}"),
        ("a dot in front", f".{token}"), ("two dots only", ".."), ("a dot only", "."), ("four dots only", "...."),
        ("no header", f".{payload}.{signature}"), ("no base64 at all", "not-a-token!"),
        ("as a JSON serialisation", compact(
            {"protected": head, "payload": payload, "signature": signature}).decode()),
    ]:
        out.add(f"segments: {what}", RAW, "ES256", jwk, text, "I400JD")
    out.add("segments: in double quotes", RAW, "ES256", jwk, f'"{token}"', "I400JD",
            note="in a header or a query; a cookie's own quotes are taken off, there it passes")
    empty = raw_token("ES256", key.hazmat, {"alg": "ES256"}, "")
    out.add("segments: an empty payload, signed so", RAW, "ES256", jwk, empty, "I400JD")
    big = raw_token("ES256", key.hazmat, {"alg": "ES256"}, claims_of(7021, blob="x" * 12600))
    assert len(big) > 16 * 1024
    out.add("segments: a good token longer than 16 KiB", RAW, "ES256", jwk, big, "I400JD",
            note="valid JOSE; above the plugin's size limit")


def headers(out, keys):
    library = SIGNERS[0]
    for alg in ("ES256", "HS256"):
        key = keys[library.name, alg]
        jwk = dress(key.public, alg)
        a = alg.encode()
        for what, head in [
            ("alg twice, alike", b'{"alg":"%s","alg":"%s"}' % (a, a)), ("alg twice, none first", b'{"alg":"none","alg":"%s"}' % a),
            ("alg twice, none last", b'{"alg":"%s","alg":"none"}' % a),
            ("alg twice, once escaped", b'{"alg":"%s","\\u0061lg":"%s"}' % (a, a)),
            ("kid twice", b'{"kid":"a","alg":"%s","kid":"b"}' % a), ("an unknown member twice", b'{"alg":"%s","x":1,"x":1}' % a),
            ("an array", b'[{"alg":"%s"}]' % a), ("text", b'"%s"' % a), ("a number", b"1"), ("null", b"null"), ("empty", b""),
            ("white space", b" "), ("cut off", b'{"alg":"%s"' % a), ("a trailing comma", b'{"alg":"%s",}' % a),
            ("bytes behind it", b'{"alg":"%s"}x' % a), ("two objects", b'{"alg":"%s"}{}' % a), ("a zero byte behind it", b'{"alg":"%s"}\0' % a),
            ("a byte order mark", b'\xef\xbb\xbf{"alg":"%s"}' % a), ("single quotes", b"{'alg':'%s'}" % a),
            ("a comment", b'{"alg":"%s"/*c*/}' % a), ("bytes that are no UTF-8", b'{"alg":"%s","x":"\xff"}' % a),
            ("an overlong UTF-8 form", b'{"alg":"%s","x":"\xc1\xa1"}' % a), ("a UTF-8 surrogate", b'{"alg":"%s","x":"\xed\xa0\x80"}' % a),
            ("UTF-16", f'{{"alg":"{alg}"}}'.encode("utf-16")), ("a lone surrogate escape", b'{"alg":"%s","x":"\\ud800"}' % a),
            ("a raw newline in text", b'{"alg":"%s","x":"\n"}' % a), ("NaN", b'{"alg":"%s","x":NaN}' % a),
            ("nested 5000 deep", b'{"alg":"%s","x":%s%s}' % (a, b"[" * 5000, b"]" * 5000)),
            ("nested 10000 deep and cut off", b'{"alg":"%s","x":%s' % (a, b"[" * 10000)),
        ]:
            if "deep" in what and alg == "HS256":
                continue
            out.add(f"{alg} header: {what}", RAW, alg, jwk, raw_token(alg, key.hazmat, head, claims_of(7100)), "I400JD",
                    note=JSON_NOTE)


def payloads(out, keys):
    library = SIGNERS[1]
    text = compact(claims_of(7200))
    open_, rest = text[:-1], text[1:]
    cases = [
        ("an array", b"[%s]" % text), ("text", b'"text"'), ("a number", b"4102444800"), ("null", b"null"), ("true", b"true"),
        ("no JSON", b"hello"), ("white space", b" "), ("cut off", open_), ("a trailing comma", open_ + b",}"),
        ("exp twice, alike", open_ + b',"exp":4102444800}'), ("exp twice, the first past", b'{"exp":1,' + rest),
        ("exp twice, the last past", open_ + b',"exp":1}'), ("exp twice, once escaped", open_ + b',"\\u0065xp":4102444800}'),
        ("userId twice", b'{"userId":"admin",' + rest), ("an unknown member twice", open_ + b',"x":1,"x":1}'),
        ("an empty name twice", open_ + b',"":1,"":1}'),
        ("bytes behind it", text + b"x"), ("two objects", text + b"{}"), ("two objects and white space", text + b" \n{}"),
        ("a zero byte behind it", text + b"\0"), ("a brace behind it", text + b"}"), ("a byte order mark", b"\xef\xbb\xbf" + text),
        ("UTF-16 with a mark", text.decode().encode("utf-16")), ("UTF-16LE", text.decode().encode("utf-16-le")),
        ("UTF-32", text.decode().encode("utf-32")), ("single quotes", text.replace(b'"', b"'")),
        ("a name without quotes", b"{x:1," + rest), ("a comment", text + b"//c"), ("a form feed", b"\f" + text),
        ("a no-break space", "\u00a0".encode() + text),
        ("nested 10000 deep", b'{"x":%s%s,%s' % (b"[" * 10000, b"]" * 10000, rest)),
        ("nested 5000 deep", b'{"x":%s%s,%s' % (b"[" * 5000, b"]" * 5000, rest)),
        ("nested 10000 deep and cut off", b'{"x":' + b"[" * 10000),
        ("objects nested 1500 deep", b'{"x":%s1%s,%s' % (b'{"x":' * 1500, b"}" * 1500, rest)),
        ("a lone high surrogate escape", open_ + b',"x":"\\ud800"}'), ("a lone low surrogate escape", open_ + b',"x":"\\udc00"}'),
        ("surrogate escapes in wrong order", open_ + b',"x":"\\ude00\\ud83d"}'),
        ("a lone surrogate escape in a name", open_ + b',"\\ud800":1}'),
        ("bytes that are no UTF-8", open_ + b',"x":"\xff"}'), ("an overlong UTF-8 form", open_ + b',"x":"\xc0\xaf"}'),
        ("a UTF-8 surrogate", open_ + b',"x":"\xed\xa0\x80"}'), ("a raw newline in text", open_ + b',"x":"\n"}'),
        ("a raw zero byte in text", open_ + b',"x":"\0"}'), ("an unknown escape", open_ + b',"x":"\\x41"}'),
        ("NaN", open_ + b',"x":NaN}'), ("Infinity", open_ + b',"x":-Infinity}'), ("exp NaN", text.replace(b"4102444800", b"NaN")),
        ("exp Infinity", text.replace(b"4102444800", b"Infinity")), ("exp with a leading zero", text.replace(b"4102444800", b"04102444800")),
        ("exp with a plus", text.replace(b"4102444800", b"+4102444800")), ("exp in hex", text.replace(b"4102444800", b"0xF4865700")),
        ("exp ending in a point", text.replace(b"4102444800", b"4102444800.")), ("exp with an underscore", text.replace(b"4102444800", b"4_102_444_800")),
        ("True of Python", open_ + b',"x":True}'),
    ]
    for alg in ("ES256", "RS256"):
        key = keys[library.name, alg]
        for what, payload in cases if alg == "ES256" else cases[:18]:
            out.add(f"{alg} payload: {what}", RAW, alg, dress(key.public, alg),
                    raw_token(alg, key.hazmat, {"alg": alg}, payload), "I400JD", note=JSON_NOTE)
    key = keys[library.name, "ES256"]
    token = raw_token("ES256", key.hazmat, {"alg": "ES256"}, b'{"exp":1,"exp":2}x')
    signed, _, signature = token.rpartition(".")
    other = raw_token("ES256", key.hazmat, {"alg": "ES256"}, b"{}").rpartition(".")[2]
    out.add("ES256 payload: no JSON and a wrong signature (the signature comes first)", RAW, "ES256",
            dress(key.public, "ES256"), f"{signed}.{other}", "A403JT")


def claims(out, keys):
    library = SIGNERS[2]
    key = keys[library.name, "ES256"]
    jwk = dress(key.public, "ES256", "c1", "sig")
    header = {"alg": "ES256", "kid": "c1"}
    base = claims_of(7300)
    text = compact(base)

    def refused(what, expect, claims, payload=None, **more):
        token = raw_token("ES256", key.hazmat, header, payload or compact(claims))
        out.add(f"claims: {what}", RAW, "ES256", jwk, token, expect, claims, **more)

    def expired(what, exp, literal=None, **more):
        if isinstance(exp, int):
            more["message"] = f"JWT is expired at {rfc3339(exp)}"
        old = base | {"iat": -10**9, "exp": exp}
        payload = compact(old).replace(b'"exp":' + compact(exp), b'"exp":' + literal) if literal else None
        refused(what, "A403JE", old, payload, **more)

    expired("exp long past", NOW - 10**8)
    expired("exp one second past", NOW - 1)
    expired("exp equals now", NOW, note="not before exp (RFC 7519 4.1.4)")
    expired("exp 0", 0)
    expired("exp 1", 1)
    expired("exp -1", -1)
    expired("exp long past, with a fraction", 1600000000.5)
    expired("exp long past, with an exponent", 1600000000, b"1.6e9")
    expired("exp -0.0", -0.0)
    refused("exp missing", "A403JT", {k: v for k, v in base.items() if k != "exp"})
    wrong = [("as text", str(EXP)), ("true", True), ("null", None), ("a list", [EXP]), ("an object", {"t": EXP}), ("empty text", ""),
             ("an RFC 3339 date", rfc3339(EXP))]
    for name in ("exp", "nbf", "iat"):
        for what, value in wrong:
            good = base | {name: value}
            refused(f"{name} {what}", "A403JT", good, note="another type than NumericDate; a library may not look at it")
    for what, number in (("1e400", b"1e400"), ("-1e400", b"-1e400")):
        refused(f"exp {what}", "A403JT", None, text.replace(b"4102444800", number),
                note="no finite number in a double; Python reads it as infinity")
    refused("nbf 1e400", "A403JT", None, text[:-1] + b',"nbf":1e400}', note="no finite number in a double")
    refused("nbf in the future", "A403JT", base | {"nbf": EXP - 60})
    refused("nbf in the future, with a fraction", "A403JT", base | {"nbf": EXP - 60.5})
    refused("nbf one second away", "A403JT", base | {"nbf": NOW + 1}, only_at_now=True)
    for what, claims, expect in [
        ("nbf in the future", base | {"nbf": EXP - 60}, "A403JT"), ("exp as text", base | {"exp": str(EXP)}, "A403JT"),
        ("exp null", base | {"exp": None}, "A403JT"), ("exp true", base | {"exp": True}, "A403JT"),
        ("iat as text", base | {"iat": str(NOW)}, "A403JT"), ("nbf null", base | {"nbf": None}, "A403JT"),
    ]:
        refused(f"without expiration: {what}", expect, claims, ignore=True,
                note="ignoreExpirationCheck drops neither nbf nor the types")
    refused("without expiration: exp 1e400", "A403JT", None, text.replace(b"4102444800", b"1e400"), ignore=True,
            note="ignoreExpirationCheck does not drop the types")
