"""What a running Berth tells those who watch it: numbers of all its processes, and its log."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from artifacts.oci.media_types import OCI_MANIFEST
from tests.live import ADMIN_PASSWORD, ROOT, RunningServer, log_of, start_server
from tests.registry.builders import image

WATCHED = ROOT / "deploy" / "observability"
TOKEN = "a-token-for-prometheus"
LOGIN = "Basic " + b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()
KEYS = {
    "BERTH_METRICS_TOKEN": TOKEN,
    "BERTH_LOG_FORMAT": "json",
    "BERTH_ACCESS_LOG": "true",
    "WORKERS": "2",
}
PULLS = 40
START_SECONDS = 60
WRITTEN_SECONDS = 5  # more than between two times that a process writes
RESIDENT = "berth_process_resident_memory_bytes"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    found = start_server(tmp_path_factory.mktemp("watched") / "data", environment=KEYS)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def token(server: RunningServer) -> str:
    """Of somebody who pushed an image and pulled it, by many connections."""
    scope = "repository:admin/watched:pull,push"
    found = json.loads(ask(server, "GET", f"/v2/auth?scope={scope}", LOGIN)[1])["token"]
    bearer = f"Bearer {found}"
    digest = f"sha256:{sha256(b'{}').hexdigest()}"
    uploads = f"/v2/admin/watched/blobs/uploads/?digest={digest}"
    assert ask(server, "POST", uploads, bearer, b"{}")[0].status == 201
    manifest = "/v2/admin/watched/manifests/v1"
    pushed = ask(server, "PUT", manifest, bearer, image(b"{}"), OCI_MANIFEST)
    assert pushed[0].status == 201
    for _ in range(PULLS):
        assert ask(server, "GET", manifest, bearer)[0].status == 200
    return str(found)


def ask(
    server: RunningServer,
    method: str,
    path: str,
    authorization: str = "",
    body: bytes | None = None,
    content_type: str = "application/octet-stream",
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(server.host, timeout=60)
    headers = {"Authorization": authorization} if authorization else {}
    if body is not None:
        headers["Content-Type"] = content_type
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def metrics(server: RunningServer) -> str:
    return ask(server, "GET", "/metrics", f"Bearer {TOKEN}")[1].decode()


def settled(server: RunningServer, name: str, **labels: str) -> float:
    """A number that all processes wrote: it has stayed the same for longer than they wait."""
    deadline, told, since = time.monotonic() + 60, -1.0, time.monotonic()
    while time.monotonic() - since < WRITTEN_SECONDS:
        assert time.monotonic() < deadline
        if (found := value(metrics(server), name, **labels)) != told:
            told, since = found, time.monotonic()
        time.sleep(0.5)
    return told


def value(text: str, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_pulls_of_all_web_processes_are_counted(server: RunningServer, token: str) -> None:
    assert settled(server, "berth_pulls_total") == PULLS


def test_requests_of_all_web_processes_are_counted(server: RunningServer, token: str) -> None:
    wanted = {"route": "distribution:manifest", "method": "GET", "code": "200"}

    assert settled(server, "berth_http_requests_total", **wanted) == PULLS


def test_counts_of_a_web_process_that_died_stay(server: RunningServer, token: str) -> None:
    before = settled(server, "berth_pulls_total")
    (*_, last) = sorted(
        int(path.stem.partition("-")[2]) for path in server.data.glob("run/web-*.json")
    )
    os.kill(last, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while last in server.pids():
        assert time.monotonic() < deadline
        time.sleep(0.1)

    assert value(metrics(server), "berth_pulls_total") == before


def test_the_database_is_told(server: RunningServer) -> None:
    assert value(metrics(server), "berth_ready", part="database") == 1


def test_the_version_is_told(server: RunningServer) -> None:
    assert value(metrics(server), "berth_build_info") == 1


def test_processes_are_told_soon_after_they_began(server: RunningServer) -> None:
    deadline = time.monotonic() + START_SECONDS  # jobs begin after the web does
    while not (size := value(metrics(server), RESIDENT, kind="jobs")):
        assert time.monotonic() < deadline
        time.sleep(0.2)

    assert size > 10_000_000


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    return found


def test_prometheus_finds_nothing_wrong_with_the_numbers(
    server: RunningServer, token: str, promtool: str
) -> None:
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=metrics(server),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def expressions() -> Iterator[str]:
    """Of the dashboard and of the alerts."""
    for panel in json.loads((WATCHED / "dashboard.json").read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for group in yaml.safe_load((WATCHED / "berth.rules.yaml").read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def test_dashboard_and_alerts_name_only_what_berth_tells(server: RunningServer) -> None:
    told: set[str] = set()
    for family in text_string_to_metric_families(metrics(server)):
        ends = ("_total", "_bucket", "_count", "_sum", "")
        told |= {f"{family.name}{end}" for end in ends}
    named = {name for expr in expressions() for name in re.findall(r"\bberth_[a-z_]+", expr)}

    assert named <= told


def lines(data: Path, **wanted: str) -> list[dict[str, Any]]:
    """Of the log, once Berth itself writes it, those that say what is wanted."""
    text = log_of(data).read_text().splitlines()
    found = [json.loads(line) for line in text if line.startswith("{")]
    return [line for line in found if wanted.items() <= line.items()]


def written(data: Path, count: int, **wanted: str) -> list[dict[str, Any]]:
    """As ``lines``, once there are so many."""
    deadline = time.monotonic() + 30
    while len(found := lines(data, **wanted)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def test_each_request_is_a_line_of_the_log(server: RunningServer, token: str) -> None:
    wanted = {"logger": "berth.access", "route": "distribution:manifest", "method": "GET"}
    pulls = written(server.data, PULLS, **wanted)

    assert [line["principal"] for line in pulls] == ["admin"] * PULLS


def test_a_line_has_the_name_that_the_answer_told(server: RunningServer) -> None:
    response, _ = ask(server, "GET", "/explore")
    (named,) = written(server.data, 1, path="/explore")

    assert named["request_id"] == response.headers["X-Request-ID"]


def test_the_log_holds_no_secret(server: RunningServer, token: str) -> None:
    text = log_of(server.data).read_text()
    secrets = (token, TOKEN, ADMIN_PASSWORD, LOGIN.split()[1])

    assert [secret for secret in secrets if secret in text] == []


@pytest.mark.parametrize(
    "arguments",
    [("check", "rules", "berth.rules.yaml"), ("test", "rules", "berth.rules.test.yaml")],
)
def test_prometheus_takes_the_alerts(promtool: str, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [promtool, *arguments], cwd=WATCHED, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_explained(server: RunningServer) -> None:
    rules = yaml.safe_load((WATCHED / "berth.rules.yaml").read_text())
    names = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    text = (ROOT / "docs" / "watching.md").read_text()

    assert [name for name in names if f"`{name}`" not in text] == []
