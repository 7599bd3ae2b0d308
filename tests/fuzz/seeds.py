#!/usr/bin/env python3
"""Fills tests/fuzz/corpus with seeds from the vectors: tokens, keys, headers and payloads."""

import base64
import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def put(target, data):
    if len(data) <= 4096:
        folder = ROOT / "tests" / "fuzz" / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"vector-{hashlib.sha1(data).hexdigest()[:16]}").write_bytes(data)


seen = set()
for name in ("independent.json", "rfc7515.json", "page.json"):
    for vector in json.loads((ROOT / "tests" / "vectors" / name).read_text())["vectors"]:
        token = vector["token"].encode()
        kind = vector["name"].split(":")[0]
        if kind not in seen:
            put("decide", b"00\nx-token: " + token)
            put("config", json.dumps({"parameter": "t", "jwk": vector["jwk"]}).encode())
            put("jwk_set", json.dumps({"keys": [vector["jwk"]]}).encode())
        seen.add(kind)
        try:
            header, payload, _ = token.split(b".")
            header, payload = unb64(header.decode()), unb64(payload.decode())
        except ValueError:
            continue
        if b"\n" not in header:
            # The target signs with HS256, so replace the algorithm of the vector.
            header = header.replace(vector["alg"].encode(), b"HS256")
            put("signed", b"0" + header + b"\n" + payload)
            put("signed", b"1\n" + payload)
put("config", (ROOT / "tests" / "kit" / "src" / "rows" / "page-example.yaml").read_bytes())
