"""Watches each request from outside, whoever answers it: counts it, names it, logs it.

On the event loop and beside every pull: nothing here waits, asks anybody or makes a path a label.
"""

import asyncio
import logging
import re
import secrets
import time
from base64 import b64decode
from bisect import bisect_left
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from accounts.origin import address_of
from config.front_door.requests import REQUEST_ID, ROUTE, environ_of
from config.front_door.transport import Ready
from config.logs import request_id
from config.web_server.exchange import BODY, Application, Body, Message, Receive, Scope, Send
from registry.access.tokens import remembered_claims
from registry.api.http.login import PRINCIPAL
from registry.blobs.transfers import transfers
from registry.metrics import traces
from registry.metrics.families import BUCKETS, Counter, Gauge, Histogram

access: Final = logging.getLogger("berth.access")

REQUESTS: Final = Counter(
    "berth_http_requests_total",
    "Requests by what they asked for and how they were answered.",
    ("door", "route", "method", "code"),
)
SECONDS: Final = Histogram(
    "berth_http_request_duration_seconds",
    "From the head of a request to the end of its answer.",
    ("door", "route", "method"),
)
RECEIVED: Final = Counter(
    "berth_http_received_bytes_total", "Bytes of the bodies of requests.", ("door", "route")
)
SENT: Final = Counter(
    "berth_http_sent_bytes_total", "Bytes of the bodies of answers.", ("door", "route")
)
TOKENS: Final = Counter(
    "berth_tokens_total", "Tokens that were asked for at /v2/auth.", ("result",)
)

_READS: Final = frozenset({"GET", "HEAD"})
_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_METHODS: Final = _BODILESS | {"POST", "PUT", "PATCH", "TRACE", "CONNECT"}
_GIVEN: Final = re.compile(r"[A-Za-z0-9._:=+/-]{1,128}", re.ASCII)
_TRACE: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_FLUSH_SECONDS: Final = 1.0
_GONE: Final = 499  # nginx's number for a client that did not wait for an answer
_SECRET_PATHS: Final = ("/account/",)  # links in mails that reset a password or prove an address
_REFUSED_TOKENS: Final = frozenset({400, 401, 403, 429})
_LOGIN_ROUTE: Final = "distribution:token"
# What is answered before Django, which would tell the name of the route otherwise. By the part of
# the path that comes before the last one.
_TAILS: Final = {
    b"manifests": "manifest",
    b"blobs": "blob",
    b"tags": "tags",
    b"referrers": "referrers",
    b"uploads": "upload",
}
_PATHS: Final = {
    b"/v2/": "distribution:root",
    b"/v2": "distribution:root",
    b"/v2/auth": _LOGIN_ROUTE,
    b"/v2/_catalog": "distribution:catalog",
}


class Watch:
    """An ASGI application around another one.

    Args:
        at_once: has the answers for which ``application`` need not be asked.
    """

    def __init__(
        self,
        application: Application,
        at_once: Callable[[Scope], Ready | None] = lambda _scope: None,
    ) -> None:
        self._application = application
        self._at_once = at_once
        self._prefix = secrets.token_hex(6)
        self._number = 0
        self._in_flight = 0
        self._tallies: dict[tuple[str, str, int], _Tally] = {}
        self._is_due = False
        Gauge(
            "berth_http_requests_in_flight",
            "Requests that are being answered.",
            lambda: {(): self._in_flight},
        )
        Gauge(
            "berth_transfers_in_flight",
            "Large bodies that are on their way.",
            lambda: {("in",): transfers.uploads, ("out",): transfers.downloads},
            ("direction",),
        )

    def at_once(self, scope: Scope) -> Ready | None:
        """An answer for which nobody has to be waited for, with what every answer has."""
        if traces.are_on():  # a trace has a context of its own
            return None
        began = time.perf_counter()
        before = request_id.set(self._name(scope))
        try:
            return self._found(scope, began)
        finally:
            request_id.reset(before)

    def _found(self, scope: Scope, began: float) -> Ready | None:
        ready = self._at_once(scope)
        if ready is None:
            return None
        self._note(scope, ready.status, began, len(ready.body), 0)
        name = self._name(scope)
        is_bare = self._is_kept(scope, name) and ready.status < HTTPStatus.BAD_REQUEST
        return ready if is_bare else ready.with_header(b"x-request-id", name.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_asked = REQUEST_ID in scope
        began = time.perf_counter()
        name = self._name(scope)
        request_id.set(name)
        begun = _traced(scope)
        if not has_asked and (ready := self._found(scope, began)):
            await ready.send(send)
            if begun:
                _end_trace(begun, scope, ready.status)
            return
        name_header = (b"x-request-id", name.encode())
        is_kept = self._is_kept(scope, name)
        status, sent, received = _GONE, 0, 0

        async def watched_send(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = int(message["status"])
                if status >= HTTPStatus.BAD_REQUEST or not is_kept:
                    message["headers"].append(name_header)
            else:
                sent += message["count"] if "count" in message else len(message["body"])
            await send(message)

        async def watched_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        self._in_flight += 1
        try:
            takes = receive if scope["method"] in _BODILESS else watched_receive
            await self._application(scope, takes, watched_send)
        finally:
            self._in_flight -= 1
            body: Body | None = scope.get(BODY)
            self._note(scope, status, began, sent, received + (body.filled if body else 0))
            if begun:
                _end_trace(begun, scope, status)

    def _name(self, scope: Scope) -> str:
        name: str | None = scope.get(REQUEST_ID)
        if name is None:
            name = scope[REQUEST_ID] = self._name_of(scope["headers"])
        return name

    def _is_kept(self, scope: Scope, name: str) -> bool:
        """Whether caches keep the answer: a copy would carry the name that we made for another."""
        is_ours = name.startswith(self._prefix)
        return is_ours and scope["method"] in _READS and _is_content(scope["raw_path"])

    def flush(self) -> None:
        """Hand what was counted here to the families, which all threads share."""
        taken, self._tallies, self._is_due = self._tallies, {}, False
        for (route, method, status), tally in taken.items():
            _hand_over(route, method, status, tally)

    def _note(self, scope: Scope, status: int, began: float, sent: int, received: int) -> None:
        """Only this thread counts here, so that a request takes one look and no lock."""
        seconds = time.perf_counter() - began
        route, method = route_of(scope), scope["method"]
        if settings.BERTH.ACCESS_LOG:
            _log(scope, route, status, seconds, sent)
        key = route, method if method in _METHODS else "other", status
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally()
        tally.buckets[bisect_left(BUCKETS, seconds)] += 1
        tally.seconds += seconds
        tally.sent += sent
        tally.received += received
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def _name_of(self, headers: list[tuple[bytes, bytes]]) -> str:
        """The name that a proxy gave the request, or one of ours."""
        for name, value in headers:
            if name == b"x-request-id" and (proxy_id := _GIVEN.fullmatch(value.decode("latin-1"))):
                return proxy_id[0]
            if name == b"traceparent" and (trace := _TRACE.fullmatch(value.decode("latin-1"))):
                return trace[1]
        self._number += 1
        return f"{self._prefix}{self._number:08x}"


class RequestMark:
    """The first middleware: what Django knows of a request, for who watches it from outside."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response

    def __call__(self, request: Any) -> Any:
        request_id.set(request.META.get(REQUEST_ID, ""))
        response = self._get_response(request)
        match = request.resolver_match
        names = [*match.namespaces, match.url_name or match.route] if match else ["unknown"]
        request.META[ROUTE] = ":".join(names)
        user = request.__dict__.get("_cached_user")  # only if a view asked who that is
        if user is not None and user.is_authenticated:
            request.META.setdefault(PRINCIPAL, user.get_username())
        return response


class _Tally:
    """Requests of one route, method and status since the last time."""

    __slots__ = ("buckets", "received", "seconds", "sent")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.sent = self.received = 0


def _hand_over(route: str, method: str, status: int, tally: _Tally) -> None:
    door = route.partition(":")[0] if ":" in route else "other"
    count = sum(tally.buckets)
    REQUESTS.add(door, route, method, str(status), amount=count)
    SECONDS.add(tally.buckets, tally.seconds, door, route, method)
    if tally.sent:
        SENT.add(door, route, amount=tally.sent)
    if tally.received:
        RECEIVED.add(door, route, amount=tally.received)
    if route == _LOGIN_ROUTE:
        refused = "refused" if status in _REFUSED_TOKENS else "failed"
        TOKENS.add("issued" if status < 400 else refused, amount=count)


def _traced(scope: Scope) -> traces.Begun | None:
    if not traces.are_on():
        return None
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return traces.begin("request", headers=headers)


def _end_trace(begun: traces.Begun, scope: Scope, status: int) -> None:
    route = route_of(scope)
    method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": int(status),
        "berth.request_id": scope[REQUEST_ID],
    }
    begun.end(f"{method} {route}", attributes, has_failed=status >= 500)


def _is_content(path: bytes) -> bool:
    """Whether the path is that of a manifest or a blob."""
    return path.startswith(b"/v2/") and (b"/manifests/" in path or b"/blobs/sha" in path)


def route_of(scope: Scope) -> str:
    """The name of the route that a request came to: one of a few hundred."""
    environ = scope.get("berth.environ")
    if environ is not None and (route := environ.get(ROUTE)):
        return str(route)
    path: bytes = scope["raw_path"]
    if name := _PATHS.get(path):
        return name
    if not path.startswith(b"/v2/"):
        return "unknown"
    if path.endswith((b"/blobs/uploads/", b"/blobs/uploads")):
        return "distribution:uploads"
    tail = path.rsplit(b"/", 2)[-2]
    return f"distribution:{_TAILS.get(tail, 'unknown')}"


def _log(scope: Scope, route: str, status: int, seconds: float, sent: int) -> None:
    """Never the query: codes, tokens and signatures stand there."""
    environ = environ_of(scope)
    path = ascii(scope["raw_path"].decode("latin-1"))[1:-1]
    if path.startswith(_SECRET_PATHS):
        path = f"{_SECRET_PATHS[0]}…"
    facts = {
        "method": ascii(scope["method"])[1:-1][:20],
        "route": route,
        "path": path[:1000],
        "status": int(status),
        "bytes": sent,
        "ms": round(seconds * 1000, 2),
        "principal": _principal(environ, status),
        "address": address_of(environ),
    }
    text = " ".join(f"{name}={value}" for name, value in facts.items() if value != "")
    access.info("%s", text, extra={"facts": facts, "request_id": scope[REQUEST_ID]})


def _principal(environ: dict[str, Any], status: int) -> str:
    """Who asked, where that was proven: a name that was merely claimed is nobody's."""
    if principal := environ.get(PRINCIPAL):
        return str(principal)
    scheme, _, value = str(environ.get("HTTP_AUTHORIZATION", "")).strip().partition(" ")
    if scheme.lower() == "bearer":
        claims = remembered_claims(value.strip(), now=timezone.now())
        return claims.principal.name if claims else ""
    if scheme.lower() == "basic" and status < 400:
        with suppress(ValueError):
            name = b64decode(value.strip()[:4096]).decode().partition(":")[0]
            return ascii(name)[1:-1][:255]
    return ""
