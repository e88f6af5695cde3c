"""HAProxy with the document's servers behind the manual's frontend, in the place of nginx."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.clients.run import client
from tests.production.document import documented, with_words
from tests.production.load import WRITERS, load_on
from tests.production.stack import Program, Stack
from tests.system.proxies import HAPROXY, recipes

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(900)]

FAULT_SECONDS = 10  # more than three looks, after which HAProxy takes a server for dead


@pytest.fixture
def behind_haproxy(stack: Stack, tmp_path: Path) -> Iterator[Stack]:
    certificate = tmp_path / "registry.pem"
    certificate.write_text(
        stack.certificate.read_text() + stack.certificate.with_suffix(".key").read_text()
    )
    frontend, _, _ = recipes(HAPROXY.name)[0].rpartition("backend berth\n")
    words = {
        "bind :443": f"bind 127.0.0.1:{stack.proxy.port}",
        "/etc/haproxy/registry.pem": str(certificate),
        "10.0.0.11:8080": f"127.0.0.1:{stack.ports[0]}",
        "10.0.0.12:8080": f"127.0.0.1:{stack.ports[1]}",
    }
    file = tmp_path / "haproxy.cfg"
    file.write_text(with_words(frontend + documented("haproxy"), words))
    proxy = Program([client(HAPROXY.name), "-db", "-f", str(file)], stack.proxy.port)
    stack.proxy.stop()
    try:
        proxy.start()
        yield replace(stack, proxy=proxy)
    finally:
        proxy.stop()
        stack.proxy.start()


def test_haproxy_leaves_a_web_server_that_is_killed_alone(behind_haproxy: Stack) -> None:
    stack = behind_haproxy
    with load_on(stack, "killed-behind-haproxy") as load:
        stack.webs[1].kill()
        time.sleep(FAULT_SECONDS)
        stack.start_web(1)
        stack.wait_until_ready()

    assert len(load.result.refusals) <= WRITERS + 2  # what the server had begun
    assert load.result.statuses <= {502}
    assert load.lost() == []


def test_machines_behind_haproxy_are_restarted_one_by_one_and_nobody_is_refused(
    behind_haproxy: Stack,
) -> None:
    stack = behind_haproxy
    with load_on(stack, "restarted-behind-haproxy") as load:
        stack.restart_one_by_one()

    assert load.result.refusals == []
    assert load.lost() == []
