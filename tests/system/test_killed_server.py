"""The server dies at random points of pushes, and nothing it acknowledged is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Timer

import pytest

from tests.conformance.client import Client
from tests.conformance.repository import Repository
from tests.live import start_server
from tests.soak import rounds, seed
from tests.system.killed import Killed, killed_again_and_again
from tests.system.pushers import Pusher, make_pushers

KILLS = rounds(25)
PUSHERS = 4
PASSWORD = "correct horse battery staple"


@pytest.mark.randomized
@pytest.mark.timeout(120 + 10 * KILLS)
def test_what_was_acknowledged_survives_kills(tmp_path: Path) -> None:
    chosen = seed()
    random = Random(chosen)
    with killed_again_and_again(tmp_path / "data") as server:
        server.manage("create_user", "alice", "--password-stdin", stdin=PASSWORD)
        pushers = make_pushers(
            Client(server.host, "alice", PASSWORD), "alice/killed", PUSHERS, chosen
        )
        server.start()
        with ThreadPoolExecutor(PUSHERS) as pool:
            for _ in range(KILLS):
                _push_and_kill(server, pushers, pool, after_seconds=random.uniform(0.01, 0.2))
                server.start()
                _all(pool, pushers, Pusher.check_tags)
                _all(pool, pushers, Pusher.repeat_what_was_interrupted)
            _all(pool, pushers, Pusher.check_promises)
        server.kill()
    assert sum(len(pusher.manifests) for pusher in pushers) > KILLS
    assert sum(pusher.resumed for pusher in pushers) > KILLS / 20


def test_the_whole_of_berth_starts_again_after_it_was_killed(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data")
    client = Client(server.host, "admin", server.admin_password)
    repository = Repository(client, "admin/killed")
    pushed = repository.push_image("v1")
    content = b"the first half, the second half"
    location = repository.open_upload()
    repository.client.patch(location, body=content[:16])

    server.kill()
    restarted = start_server(tmp_path / "data")
    try:
        again = Repository(Client(restarted.host, "admin", server.admin_password), "admin/killed")
        assert again.client.get(again.manifest("v1")).body == pushed.body
        assert again.offset(location) == 16
        again.client.patch(location, body=content[16:])
        assert again.commit(location, again.push_blob(content)["digest"]).status == 201
    finally:
        restarted.stop()


def _push_and_kill(
    server: Killed, pushers: list[Pusher], pool: ThreadPoolExecutor, *, after_seconds: float
) -> None:
    killer = Timer(after_seconds, server.kill)
    killer.start()
    _all(pool, pushers, Pusher.push_until_killed)
    killer.join()


def _all(pool: ThreadPoolExecutor, pushers: list[Pusher], action: Callable[[Pusher], None]) -> None:
    for done in [pool.submit(action, pusher) for pusher in pushers]:
        done.result(timeout=120)
