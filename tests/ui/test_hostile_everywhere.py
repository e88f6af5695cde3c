"""Whatever people push or type, every page, list and answer about it can be had."""

import os
import random
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client

from accounts.audit.services import record
from accounts.users.models import User
from artifacts.text import clean
from registry.api.docker_v1.ids import ImageId
from registry.blobs.models import BlobLink
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.repositories.services import describe
from tests.artifacts.test_text import of_every_category
from tests.registry.builders import (
    NOW,
    bearer,
    make_organization,
    make_repository,
    make_user,
    owner_of,
)
from tests.ui.browsing import browser
from tests.ui.contents.hostile import filled, push_all

pytestmark = pytest.mark.django_db

MAX_CPU_SECONDS = 1.0 * float(os.environ.get("SOAK_MARGIN", "3"))
BRIEF_LENGTH = 10_000
MAX_MANIFEST_BYTES = 4 * 1024**2
NO_TEXT = "half \ud83d other \udc00 nul \x00 byte \udcff end"
EVERYTHING = f"{NO_TEXT} \u202e\u2066 <b> {''.join(sorted(of_every_category()))}"
MORE = {
    "what is no text": NO_TEXT,
    "runs the other way": "\u202e\u2066\u200f\u061c שלום \u202e",
    "markup": "\"'><script>alert(1)</script><b id=x>{{7*7}} {% x %} ]]> -->",
    "not text in an address": "https://x.test/\ud83d?\x00#\u202e",
    "a megabyte": "x" * 1_000_000,
    "a megabyte of emoji": "\U0001f600" * 250_000,
    "a megabyte that is no text": "\ud83d" * 170_000,
    "lines": "a\r\n\u2028\u2029\x0b\x0c\x85" * 20_000,
}


@pytest.fixture
def web() -> Repository:
    owner = make_user("alice", is_superuser=True)
    make_organization("acme", owner=owner)
    return make_repository("acme/web", is_public=True)


def test_text_of_every_kind_fails_nothing(web: Repository) -> None:
    _assert_all_can_be_had(web, EVERYTHING)


@pytest.mark.soak
@pytest.mark.parametrize("text", MORE.values(), ids=MORE)
def test_other_and_longer_text_fails_nothing(text: str, web: Repository) -> None:
    _assert_all_can_be_had(web, text)


def test_text_anywhere_in_a_document_fails_nothing(web: Repository) -> None:
    _assert_spoiled_can_be_had(web, 0)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 100))
def test_more_text_anywhere_in_a_document_fails_nothing(seed: int, web: Repository) -> None:
    _assert_spoiled_can_be_had(web, seed)


def _assert_spoiled_can_be_had(repository: Repository, seed: int) -> None:
    chosen = random.Random(seed)

    def change(value: Any) -> Any:
        return _spoiled(value, chosen)

    manifests = list(push_all(repository, change, _text(chosen)))
    assert not list(_failures(repository, manifests))


def _assert_all_can_be_had(repository: Repository, text: str) -> None:
    described = clean(text).encode()[:1000].decode(errors="ignore")
    describe(repository=repository, description=described, now=NOW)
    record(
        actor=text, action="tag.move", target="acme/web:v1", place="acme/web", now=NOW, said=text
    )
    brief = filled(text[:BRIEF_LENGTH])
    manifests = list(push_all(repository, filled(text), text, brief))
    assert max(len(manifest.body) for manifest in manifests) <= MAX_MANIFEST_BYTES
    assert not list(_failures(repository, manifests))


def _failures(repository: Repository, manifests: list[Manifest]) -> Iterator[str]:
    page = browser(User.objects.get(username="alice"))
    scope = f"repository:{repository.path}:pull"
    program = Client(headers=bearer(owner_of("acme"), scope, "registry:catalog:*"))
    for client, addresses in (
        (page, _pages(repository, manifests)),
        (program, _answers(repository, manifests)),
    ):
        client.raise_request_exception = False
        for first in (f"/{repository.path}", "/search?q=nothing", "/explore", "/status"):
            client.get(first)  # what is loaded at the first use is no page's time
        for address in addresses:
            begun = time.thread_time()
            answer = client.get(address)
            assert answer.getvalue() is not None  # what comes in pieces fails only when it is read
            cpu = time.thread_time() - begun
            if answer.status_code >= 500:
                yield f"{address}: {answer.status_code}"
            if cpu > MAX_CPU_SECONDS:
                yield f"{address}: {cpu:.1f} s of processor time"


def _pages(repository: Repository, manifests: list[Manifest]) -> Iterator[str]:
    of = f"/{repository.path}"
    yield from (of, f"{of}/-/tags", f"{of}/-/tags?show=companions", f"{of}/-/history")
    yield from (
        f"{of}/-/signatures",
        f"{of}/-/description",
        f"{of}/-/rules",
        f"{of}/-/rules/policy",
    )
    for log in (f"{of}/-/activity", "/acme/-/activity"):
        yield from (log, f"{log}.csv", f"{log}.jsonl")
    yield from ("/acme", "/explore", "/search?q=web", "/search?q=etherpad", "/status")
    for tag in ("image", "index", "old", "0.0.4", "named"):
        yield f"{of}/-/tags/{tag}"
    for one, other in pairwise(manifests):
        yield f"{of}/-/compare?a={one.digest}&b={other.digest}"
    for one in manifests:
        at = f"{of}/-/manifests/{one.digest}"
        yield from (at, f"{at}/raw", f"{at}/referrers", f"{of}/-/add-tag/{one.digest}")
        for blob in BlobLink.objects.filter(manifests__manifest=one).values_list("blob", flat=True):
            yield from (f"{at}/blobs/{blob}", f"{at}/layers/{blob}", f"{at}/layers/{blob}?q=x")
            yield from (f"{at}/layers/{blob}/file?path=x", f"{at}/layers/{blob}/raw?path=x")
        yield from (f"{at}/files", f"{at}/files?layer=1", f"{at}/files?q=x&order=size")
        for file in ("values.yaml", "README.md", "values.schema.json"):
            yield f"{at}/chart/{file}"


def _answers(repository: Repository, manifests: list[Manifest]) -> Iterator[str]:
    at = f"/v2/{repository.path}"
    yield from ("/v2/_catalog", f"{at}/tags/list", "/v1/search?q=web", "/helm/acme/index.yaml")
    yield from (f"/api/v1/repository/{repository.path}/tag/", "/api/v1/messages")
    yield from (f"/v1/repositories/{repository.path}/{part}" for part in ("tags", "images"))
    yield "/helm/acme/charts/web/etherpad-0.0.4.tgz"
    for one in manifests:
        yield from (f"{at}/manifests/{one.digest}", f"{at}/referrers/{one.digest}")
        for layer in range(2):
            image = ImageId(one.pk, layer)
            yield from (f"/v1/images/{image}/json", f"/v1/images/{image}/ancestry")


def _spoiled(value: Any, chosen: random.Random) -> Any:
    """``value`` with other text in some of its places."""
    match value:
        case str():
            return _text(chosen) if chosen.random() < 0.3 else value
        case dict():
            return {_spoiled(key, chosen): _spoiled(item, chosen) for key, item in value.items()}
        case list():
            return [_spoiled(item, chosen) for item in value]
    return value


def _text(chosen: random.Random) -> str:
    """Any code points, those that are no text among them."""
    few = ["\x00", "\ud83d", "\udcff", "\u202e", "\n", "/", "=", ":", "@", "<", '"', "\\", "%"]
    return "".join(
        chosen.choice(few) if chosen.random() < 0.4 else chr(chosen.randrange(0x110000))
        for _ in range(chosen.randrange(12))
    )
