"""Traces in the form of OpenTelemetry: a span for each request, statement, request to a bucket, and
job.

The variables of the OpenTelemetry specification say where they go and how many. Without
``OTEL_EXPORTER_OTLP_ENDPOINT`` nothing of it is imported, and a span costs one look.

Spans hold names of routes, operations and jobs, and statements without their parameters: no name
of a person, no address of a client, and nothing that was sent.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Token, copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Span, Tracer

logger = logging.getLogger(__name__)

_STATEMENT_LENGTH: Final = 2000
_tracer: "Tracer | None" = None
_provider: "TracerProvider | None" = None

Attributes = Mapping[str, str | int]


def are_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Source: OpenTelemetry's specification of environment variables."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return False
    endpoints = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return any(environ.get(name) for name in endpoints)


def are_on() -> bool:
    return _tracer is not None


def start(*, version: str, processor: "SpanProcessor | None" = None) -> None:
    """In each process that has work, after it was forked.

    Args:
        processor: what becomes of spans; without it they are sent as the environment says.
    """
    global _provider, _tracer  # noqa: PLW0603 - one look at it is all that a span may cost
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        logger.warning("no traces are sent: the packages of 'berth[otel]' are not installed")
        return
    named = Resource({SERVICE_NAME: "berth", SERVICE_VERSION: version})
    # What the environment says of the service counts more.
    _provider = TracerProvider(resource=named.merge(Resource.create()) if _is_named() else named)
    _provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = _provider.get_tracer("berth", version)


def stop() -> None:
    """Send what waits, for some seconds at most."""
    global _provider, _tracer  # noqa: PLW0603
    if _provider is not None:
        _provider.shutdown()
    _provider = _tracer = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A span that is the parent of all others of its thread, or task, until it ends."""

    span: "Span"
    token: "Token[Context]"

    def end(self, name: str, attributes: Attributes, *, has_failed: bool = False) -> None:
        from opentelemetry.context import detach
        from opentelemetry.trace import StatusCode

        self.span.update_name(name)
        self.span.set_attributes(dict(attributes))
        if has_failed:
            self.span.set_status(StatusCode.ERROR)
        self.span.end()
        detach(self.token)


def begin(name: str, *, headers: Mapping[str, str] | None = None) -> Begun | None:
    """``None`` while there are no traces.

    Args:
        headers: of a request, which may name the trace of its caller. ``None``: it is none.
    """
    if _tracer is None:
        return None
    from opentelemetry.context import attach
    from opentelemetry.trace import SpanKind, set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    caller = TraceContextTextMapPropagator().extract(headers or {})
    kind = SpanKind.CONSUMER if headers is None else SpanKind.SERVER
    span = _tracer.start_span(name, context=caller, kind=kind)
    return Begun(span, attach(set_span_in_context(span)))


@contextmanager
def span(name: str, attributes: Attributes) -> Iterator[None]:
    """Around something that another program is asked for."""
    if _tracer is None:
        yield
        return
    from opentelemetry.trace import SpanKind

    with _tracer.start_as_current_span(
        name, kind=SpanKind.CLIENT, attributes=dict(attributes), record_exception=False
    ):
        yield


def statement(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Mapping[str, Any]
) -> Any:
    """What Django's connections wrap around the running of a statement."""
    attributes = {
        "db.system.name": context["connection"].vendor,
        "db.query.text": str(sql)[:_STATEMENT_LENGTH],
    }
    with span(str(sql).lstrip().partition(" ")[0].upper()[:20], attributes):
        return execute(sql, params, many, context)


def carried(call: Callable[..., Any]) -> Callable[..., Any]:
    """A call for another thread, whose spans are those of this one."""
    return call if _tracer is None else partial(copy_context().run, call)


def _is_named() -> bool:
    return bool(os.environ.get("OTEL_SERVICE_NAME") or os.environ.get("OTEL_RESOURCE_ATTRIBUTES"))
