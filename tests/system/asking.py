"""Ask the registry something through Django's test client."""

from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client

from tests.system.matrix import Row
from tests.system.world import Caller, Headers, World


def ask(
    world: World, row: Row, method: str, caller: Caller, way: str, repository: str
) -> HttpResponseBase:
    """Ask what a row is about, and take back whatever the question changed."""
    name = world.repositories[repository]
    with transaction.atomic():
        session = world.open_session(caller, name) if "{session}" in row.path else ""
        path = row.path.format(name=name, session=session)
        answer = send(method, path, caller.headers(way, name), row)
        transaction.set_rollback(True)
    return answer


def send(method: str, path: str, headers: Headers, row: Row | None = None) -> HttpResponseBase:
    body, content_type = (row.body, row.content_type) if row else (b"", "")
    answer: HttpResponseBase = Client(raise_request_exception=False).generic(
        method, path, body, content_type, headers=dict(headers)
    )
    answer.getvalue()
    return answer
