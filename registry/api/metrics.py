"""``/metrics``: what Berth counts, in the forms of Prometheus and OpenMetrics.

For whoever knows ``METRICS_TOKEN``, and for superusers: it tells how busy a registry is.
"""

import platform
import secrets
from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from rest_framework.request import Request

from artifacts.oci.errors import Denied, OCIError, Unauthorized
from registry.api.http.login import identify
from registry.api.http.views import View
from registry.events import delivery  # noqa: F401 - counts in the jobs process
from registry.metrics import shared
from registry.metrics.families import BUCKETS, FAMILIES, Family, Kind, Values
from registry.statistics.gauges import readings
from registry.verification import checking  # noqa: F401 - counts in the jobs process

PATH = "/metrics"
_SCOPE = "super:user"  # of an application token
_CHALLENGE = 'Basic realm="Berth", charset="UTF-8"'


class MetricsView(View):
    def refusal(self, error: OCIError, request: Request) -> HttpResponse:
        return refusal(error, request)

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        if not _knows_token(request):
            self._require_superuser(request)

    def get(self, request: Request) -> HttpResponse:
        encode, content_type = choose_encoder(request.META.get("HTTP_ACCEPT", ""))
        content = encode(_Everything(list(self._families())))
        headers = {"Cache-Control": "no-store"}
        return HttpResponse(content, content_type=content_type, headers=headers)

    def _require_superuser(self, request: Request) -> None:
        caller = identify(request, now=self.now)
        if caller is None:
            raise Unauthorized("send METRICS_TOKEN as a bearer token, or log in as a superuser")
        scopes = caller.principal.scopes
        is_limited = caller.claims is not None or (scopes is not None and _SCOPE not in scopes)
        if is_limited or not caller.principal.is_superuser:
            raise Denied("only superusers, and whoever knows METRICS_TOKEN, may see this")

    def _families(self) -> Iterator[Metric]:
        yield _info()
        sums = shared.gathered()
        for name, family in FAMILIES.items():
            yield _metric(family, sums[name])
        for reading in readings.current(now=self.now):
            made = CounterMetricFamily if reading.is_counter else GaugeMetricFamily
            metric = made(reading.name, reading.text, labels=reading.labels)
            for labels, value in reading.values.items():
                metric.add_metric(labels, value)
            yield metric
        yield from _processes()


class _Everything:
    """What encoders take for a registry."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def refusal(error: OCIError, request: HttpRequest | Request) -> HttpResponse:
    """A failure in one sentence: who asks is a program that shows it to its administrator."""
    headers = dict(error.headers())
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = _CHALLENGE
    return HttpResponse(
        f"{error.reason}\n",
        status=error.status,
        content_type="text/plain; charset=utf-8",
        headers=headers,
    )


def _knows_token(request: Request) -> bool:
    scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    wanted = settings.BERTH.METRICS_TOKEN
    if not wanted or scheme.lower() != "bearer":
        return False
    return secrets.compare_digest(value.strip().encode(), wanted.encode())


def _info() -> Metric:
    info = GaugeMetricFamily(
        "berth_build_info", "Which Berth this is.", labels=("version", "python")
    )
    info.add_metric((settings.VERSION, platform.python_version()), 1)
    return info


def _metric(family: Family, values: Values) -> Metric:
    if family.kind is Kind.HISTOGRAM:
        return _histogram(family, values)
    made = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = made(family.name, family.text, labels=family.labels)
    for labels, (value,) in sorted(values.items()):
        metric.add_metric(labels, value)
    return metric


def _histogram(family: Family, values: Values) -> Metric:
    metric = HistogramMetricFamily(family.name, family.text, labels=family.labels)
    for labels, value in sorted(values.items()):
        *counts, total = value
        buckets, below = [], 0.0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
            below += count
            buckets.append((bound, below))
        metric.add_metric(labels, buckets, sum_value=total)
    return metric


def _processes() -> Iterator[Metric]:
    labels = ("kind", "pid")
    memory = GaugeMetricFamily(
        "berth_process_resident_memory_bytes", "Memory of a process.", labels=labels
    )
    files = GaugeMetricFamily(
        "berth_process_open_fds", "Files and connections of a process.", labels=labels
    )
    time = CounterMetricFamily(
        "berth_process_cpu_seconds_total", "Processor time of a process.", labels=labels
    )
    start = GaugeMetricFamily(
        "berth_process_start_time_seconds", "When a process began.", labels=labels
    )
    for process in shared.processes():
        names = (process.kind, str(process.pid))
        memory.add_metric(names, process.resident_bytes)
        files.add_metric(names, process.open_files)
        time.add_metric(names, process.cpu_seconds)
        start.add_metric(names, process.started_at)
    yield from (memory, files, time, start)


urlpatterns = [path(PATH[1:], MetricsView.as_view(), name="metrics")]
