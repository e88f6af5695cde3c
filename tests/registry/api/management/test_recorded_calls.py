"""Calls that were recorded of a Quay, made here in the same order: the same statuses and fields."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.credentials.keys import signing_key
from artifacts.oci.digest import Digest
from registry.announcements.current import forget_announcements
from registry.repositories.models import Repository
from tests.registry.api.management.asking import token
from tests.registry.builders import (
    PASSWORD,
    hold,
    image,
    make_organization,
    make_repository,
    make_user,
    principal_of,
    push,
)

pytestmark = pytest.mark.django_db

CALLS = Path(__file__).with_name("recorded_calls.txt")
PUSHED_BEFORE = "GET /repository/acme/app/tag/ "
ERROR = "{detail error_message message error_type title type status}"
CONFIG = json.dumps({"history": [{"created": "2026-01-01T00:00:00Z", "created_by": "x"}]}).encode()


class Call(NamedTuple):
    who: str
    remembered: str  # the name of the id that is in the answer
    method: str
    path: str
    body: str
    status: int
    fields: Any

    @classmethod
    def read(cls, line: str) -> "Call":
        who, _, line = line.partition(" ") if re.match(r"nobody|program", line) else ("", "", line)
        method, path, rest = line.split(" ", 2)
        remembered, _, method = method.rpartition("=")
        if rest.startswith("-"):
            body, rest = "", rest[2:]
        else:
            end = re.search(r" (?=[2-5]\d\d )", rest)
            assert end is not None
            body, rest = rest[: end.start()], rest[end.end() :]
        status, shape = rest.split(" ", 1)
        fields = None if shape == "-" else _shape(ERROR if shape == "!" else shape)
        return cls(who, remembered, method, path, body, int(status), fields)


class Replay:
    """Makes calls, and knows the ids that answers have said so far."""

    def __init__(self) -> None:
        admin = make_user("admin", is_superuser=True)
        make_organization("first", owner=admin)
        make_repository("first/open", creator=principal_of(admin), is_public=True)
        nobody = Client(raise_request_exception=False)
        signed_in = Client(headers=token(admin), raise_request_exception=False)
        self.clients = {"nobody": nobody, "": signed_in}
        signing_key(now=timezone.now())
        soon = timezone.now() + timedelta(hours=2)
        self.known = {"<password>": PASSWORD, "<soon>": str(int(soon.timestamp()))}

    def ask(self, call: Call) -> tuple[int, Any]:
        path = f"/api/v1{call.path}" if call.path.startswith("/") else call.path[len("ROOT") :]
        answer = self.clients[call.who].generic(
            call.method, self._filled(path), self._filled(call.body).encode(), "application/json"
        )
        try:
            document = json.loads(answer.content) if answer.content else None
        except ValueError:
            document = None
        if call.remembered and document is not None:
            self._remember(call.remembered, document)
        return answer.status_code, document

    def push(self) -> None:
        """Two tags, which were pushed when this was recorded."""
        repository = Repository.objects.get(path="acme/app")
        hold(repository, CONFIG, b"layer")
        manifest = image(CONFIG, b"layer")
        for tag in ("v1", "v2"):
            push(repository, manifest, tag)
        self.known["<digest>"] = str(Digest.of(manifest))

    def _filled(self, text: str) -> str:
        for name, value in self.known.items():
            text = text.replace(name, value)
        return text

    def _remember(self, name: str, document: dict[str, Any]) -> None:
        """Later ones of a name count only for rules, of which each place has its own."""
        about = document.get("label") or document.get("messages") or document.get("token")
        about = about[0] if isinstance(about, list) else about
        about = about if isinstance(about, dict) else document
        found = about.get("uuid") or about.get("id") or about["client_id"]
        if name in ("pruning", "immutability") or f"<{name}>" not in self.known:
            self.known[f"<{name}>"] = found
        if name == "token":
            program = {"Authorization": f"Bearer {document['token']}"}
            self.clients["program"] = Client(headers=program, raise_request_exception=False)


def test_calls_are_answered_as_quay_answered_them(
    settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    settings.FEATURE_REQUIRE_TEAM_INVITE = False  # as where it was recorded
    settings.FEATURE_MAILING = True
    replay, wrong = Replay(), []
    for line in CALLS.read_text().splitlines():
        if line.startswith("#"):
            continue
        if line.startswith(PUSHED_BEFORE):
            replay.push()
        call = Call.read(line)
        with django_capture_on_commit_callbacks(execute=True):
            status, document = replay.ask(call)
        if status != call.status:
            wrong.append(f"{line[:90]}: {status} {str(document)[:200]}")
        else:
            wrong += [f"{line[:90]}: {one}" for one in _missing(call.fields, document)]
    forget_announcements()

    assert wrong == []


def _shape(text: str) -> Any:
    """``{a b{c} d[{e}]}`` as a mapping of its names to what is within each."""
    found, rest = _read(text)
    assert rest == ""
    return found


def _read(text: str) -> tuple[Any, str]:
    match text[:1]:
        case "{":
            return _read_object(text[1:])
        case "[":
            inner, rest = (None, text[1:]) if text[1:2] == "]" else _read(text[1:])
            return [inner], rest[1:]
    return None, text


def _read_object(text: str) -> tuple[dict[str, Any], str]:
    fields: dict[str, Any] = {}
    while not text.startswith("}"):
        name = re.match(r"[^\s{}\[\]]+", text)
        assert name is not None
        fields[name[0]], text = _read(text[name.end() :])
        text = text.removeprefix(" ")
    return fields, text[1:]


def _missing(fields: Any, document: Any, place: str = "") -> Iterator[str]:
    match fields, document:
        case dict(), dict():
            for name, inner in fields.items():
                if name not in document:
                    yield f"{place}.{name} is missing"
                else:
                    yield from _missing(inner, document[name], f"{place}.{name}")
        case [inner], list():
            if inner is not None and not document:
                yield f"{place} is empty"
            elif document:
                yield from _missing(inner, document[0], f"{place}[]")
        case ((dict() | list()), _):
            yield f"{place} is {document!r}"
