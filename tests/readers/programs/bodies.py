"""Reports whether Python servers find parameters in a body. One request and one answer per line: see ../bodies.rs."""

import asyncio
import io
import json
import sys
import warnings

warnings.simplefilter("ignore")

import bottle
import django
import django.conf
from django.core.handlers.wsgi import WSGIRequest
from starlette.requests import Request as StarletteRequest
from tornado.httputil import HTTPHeaders, parse_body_arguments
from werkzeug.wrappers import Request as WerkzeugRequest

django.conf.settings.configure()


def environ(question):
    body = question["body"].encode("latin-1")
    made = {"REQUEST_METHOD": question["method"], "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    made |= {"SERVER_NAME": "test", "SERVER_PORT": "80", "wsgi.url_scheme": "http", "PATH_INFO": "/p", "SCRIPT_NAME": ""}
    if question["type"] is not None:
        made["CONTENT_TYPE"] = question["type"]
    return made


def tornado(question):
    arguments = {}
    parse_body_arguments(question["type"] or "", question["body"].encode("latin-1"), arguments, {}, HTTPHeaders())
    return arguments.get("userId", [b""])[0].decode()


def starlette(question):
    async def receive():
        return {"type": "http.request", "body": question["body"].encode("latin-1"), "more_body": False}

    async def read():
        headers = [] if question["type"] is None else [(b"content-type", question["type"].encode("latin-1"))]
        return (await StarletteRequest({"type": "http", "headers": headers}, receive).form()).get("userId")

    return asyncio.run(read())


READERS = {
    "Werkzeug": lambda question: WerkzeugRequest(environ(question)).form.get("userId"),
    "Django": lambda question: WSGIRequest(environ(question)).POST.get("userId"),
    "Bottle": lambda question: bottle.BaseRequest(environ(question)).forms.get("userId"),
    "Tornado": tornado,
    "Starlette": starlette,
}

for line in sys.stdin:
    question = json.loads(line)
    answer = {}
    for name, read in READERS.items():
        try:
            answer[name] = read(question) == "forged"
        except Exception:
            answer[name] = False
    sys.stdout.write(json.dumps(answer) + "\n")
