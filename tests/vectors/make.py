#!/usr/bin/env python3
"""Generates the JSON files of this folder with new keys. No private key is written. In this folder, run

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && npm ci && venv/bin/python -B make.py && rm -r venv

`make.py recent.json` generates only that file.
"""

import sys

from pathlib import Path

import genuine
import malformed
import proofs
import recent
import tampered
import wellknown
from collect import Vectors

HERE = Path(__file__).resolve().parent


def independent():
    out = Vectors(
        "Tokens by independent JOSE libraries, made by make.py with keys that were thrown away; README.md says what the members mean."
    )
    keys = genuine.every_algorithm(out)
    genuine.ecdsa_corners(out, keys)
    genuine.rsa_corners(out, keys)
    genuine.unusual_but_right(out, keys)
    tampered.signatures(out, keys)
    tampered.ecdsa(out, keys)
    tampered.rsa(out, keys)
    tampered.eddsa_and_hmac(out, keys)
    tampered.algorithms(out, keys)
    tampered.confusion(out, keys)
    tampered.critical(out, keys)
    tampered.key_ids(out, keys)
    malformed.segments(out, keys)
    malformed.headers(out, keys)
    malformed.payloads(out, keys)
    malformed.claims(out, keys)
    return out


FILES = {
    "independent.json": independent, "recent.json": recent.vectors, "rfc7515.json": wellknown.rfcs, "page.json": wellknown.page,
    "proofs.json": proofs.vectors,
}
for name in sys.argv[1:] or FILES:
    FILES[name]().write(HERE / name)
