"""Spans of requests, statements, requests to a bucket and jobs; none where nobody wants them."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from accounts.users.models import User
from config.celery import app
from config.front_door.threads import Threads
from config.front_door.watch import Watch
from registry.metrics import traces
from registry.metrics.families import FAMILIES
from tests.asgi import Header, scope
from tests.live import ROOT

TRACE = "0af7651916cd43dd8448eb211c80319c"
MANIFEST = "/v2/acme/web/manifests/v1"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """Of traces that are on meanwhile."""
    kept = InMemorySpanExporter()
    traces.start(version="1", processor=SimpleSpanProcessor(kept))
    connection.execute_wrappers.append(traces.statement)
    yield kept
    connection.execute_wrappers.remove(traces.statement)
    traces.stop()


@pytest.fixture(autouse=True)
def _own_numbers() -> Iterator[None]:
    known = dict(FAMILIES)
    yield
    FAMILIES.clear()
    FAMILIES.update(known)


def ask(application: Any, *headers: Header) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: object) -> None:
        """Nobody reads it."""

    asyncio.run(Watch(application)(scope("GET", MANIFEST, list(headers)), receive, send))


async def answers(_: object, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


def test_a_request_is_a_span_named_by_its_route(exporter: InMemorySpanExporter) -> None:
    ask(answers)

    assert only(exporter).name == "GET distribution:manifest"


def test_a_request_that_berth_could_not_answer_has_failed(exporter: InMemorySpanExporter) -> None:
    ask(answers)

    assert not only(exporter).status.is_ok


def test_a_request_belongs_to_the_trace_of_its_caller(exporter: InMemorySpanExporter) -> None:
    ask(answers, (b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode()))

    assert f"{only(exporter).context.trace_id:032x}" == TRACE


def test_no_span_names_a_repository(exporter: InMemorySpanExporter) -> None:
    ask(answers)

    assert "acme" not in only(exporter).to_json()


@pytest.mark.django_db
def test_a_statement_is_a_span_without_its_parameters(exporter: InMemorySpanExporter) -> None:
    User.objects.filter(username="a-secret-name").first()

    assert only(exporter).name == "SELECT"
    assert "a-secret-name" not in only(exporter).to_json()


@pytest.mark.django_db
def test_statements_in_a_thread_belong_to_the_request_that_waits_for_them(
    exporter: InMemorySpanExporter,
) -> None:
    threads = Threads(1, idle_seconds=0.1)

    async def asks(about: Any, receive: Any, send: Any) -> None:
        await asyncio.wrap_future(threads.submit(work))
        await answers(about, receive, send)

    def work() -> None:
        with traces.span("SELECT", {}):
            pass

    ask(asks)

    inner, outer = exporter.get_finished_spans()
    assert inner.parent
    assert inner.parent.span_id == outer.context.span_id


@pytest.mark.django_db
def test_a_job_is_a_span(exporter: InMemorySpanExporter) -> None:
    app.tasks["mail.send_waiting"].apply()

    assert "mail.send_waiting" in {span.name for span in exporter.get_finished_spans()}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"},
            False,
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector", "OTEL_TRACES_EXPORTER": "none"},
            False,
        ),
    ],
)
def test_the_environment_says_whether_there_are_traces(
    environ: dict[str, str], wanted: bool
) -> None:
    assert traces.are_wanted(environ) is wanted


def test_nothing_of_it_is_loaded_while_it_is_off() -> None:
    program = (
        "import sys, django; django.setup(); import config.front_door.watch;"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "[]"


def test_spans_reach_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Queue[str] = Queue()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.put(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    try:
        traces.start(version="1")
        ask(answers)
        traces.stop()
        assert asked.get(timeout=10) == "/v1/traces"
    finally:
        server.shutdown()
        server.server_close()
