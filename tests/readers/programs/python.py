"""Reads parameters with the parsers of Python servers. One question and one answer per line: see ../ask.rs."""

import asyncio
import base64
import json
import sys
import warnings
from urllib.parse import parse_qs, unquote_to_bytes

warnings.simplefilter("ignore")

import bottle
import django.conf
from django.http import QueryDict
from starlette.requests import Request as StarletteRequest
from tornado.escape import parse_qs_bytes
from tornado.httputil import parse_body_arguments
from werkzeug.wrappers import Request as WerkzeugRequest

django.conf.settings.configure()
FORM = "application/x-www-form-urlencoded"


def grouped(pairs):
    read = {}
    for name, value in pairs:
        read.setdefault(name, []).append(value)
    return read


def text_of(read):
    return {decoded(name): [decoded(value) for value in values] for name, values in read.items()}


def decoded(text):
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def percent_decoding(data):
    parts = (part.partition(b"=") for part in data.split(b"&"))
    return text_of(grouped((unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parts))


def tornado_body(data):
    arguments = {}
    parse_body_arguments(FORM, data, arguments, {})
    return text_of(arguments)


def starlette_form(data):
    async def receive():
        return {"type": "http.request", "body": data, "more_body": False}

    async def read():
        scope = {"type": "http", "headers": [(b"content-type", FORM.encode())]}
        return grouped((await StarletteRequest(scope, receive).form()).multi_items())

    return asyncio_run(read())


def asyncio_run(coroutine):
    """Runs a coroutine that never waits, without the cost of an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("it waits")


READERS = {
    "Python parse_qs": lambda data: parse_qs(data.decode("latin-1"), keep_blank_values=True),
    "percent-decoding alone": percent_decoding,
    "Werkzeug": lambda data: dict(WerkzeugRequest({"QUERY_STRING": data.decode("latin-1")}).args.lists()),
    "Django": lambda data: dict(QueryDict(data).lists()),
    "Tornado query": lambda data: text_of(parse_qs_bytes(data, keep_blank_values=True)),
    "Tornado form": tornado_body,
    "Bottle": lambda data: grouped(bottle.BaseRequest({"QUERY_STRING": data.decode("latin-1")}).query.allitems()),
    "Starlette query": lambda data: grouped(
        StarletteRequest({"type": "http", "query_string": data, "headers": []}).query_params.multi_items()
    ),
    "Starlette form": starlette_form,
}


def name_of(read, value):
    return next(name for name, values in read.items() if values == [value])


def state(read, name):
    values = read.get(name)
    if values is None:
        return "absent"
    if values == ["ours"]:
        return "ours"
    return "forged" if "forged" in repr(values) else "other"


names = {}
for line in sys.stdin:
    question = json.loads(line)
    own, data = question["own"], base64.b64decode(question["text"])
    answers = {}
    for reader, read in READERS.items():
        key = (reader, own)
        if key not in names:
            names[key] = name_of(read(own.encode()), "ours")
        try:
            answers[reader] = state(read(data), names[key])
        except Exception:
            answers[reader] = "error"
    sys.stdout.write(json.dumps(answers) + "\n")
