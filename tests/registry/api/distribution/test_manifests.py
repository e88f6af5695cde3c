"""Manifests over HTTP: conditions, types and limits."""

import json
from typing import Any

import pytest
from django.test import Client

from artifacts.oci.digest import Digest
from artifacts.oci.media_types import OCI_INDEX, OCI_MANIFEST
from config.keys.configuration import Configuration
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.verification.reads import attached_to
from tests.registry.builders import NOW, descriptor, error_of, hold, image, push

OLD = image(b"{}", annotations={"version": "old"})
NEW = image(b"{}", annotations={"version": "new"})
OLD_TAG, NEW_TAG = f'"{Digest.of(OLD)}"', f'"{Digest.of(NEW)}"'
PATH = "/v2/acme/web/manifests/v1"


@pytest.fixture(autouse=True)
def old(repository: Repository) -> Manifest:
    hold(repository, b"{}")
    return push(repository, OLD, "v1")


def put(
    pusher: Client, path: str = PATH, body: bytes = NEW, condition: tuple[str, str] | None = None
) -> tuple[int, str]:
    headers = dict([condition] if condition else [])
    response = pusher.generic("PUT", path, body, OCI_MANIFEST, headers=headers)
    return response.status_code, error_of(response.json())[0] if response.content else ""


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("If-Match", OLD_TAG, 201),
        ("If-Match", f'"x", {OLD_TAG}', 201),
        ("If-Match", "*", 201),
        ("If-Match", NEW_TAG, 412),
        ("If-Match", f"W/{OLD_TAG}", 412),
        ("If-Match", "nonsense", 412),
        ("If-None-Match", NEW_TAG, 201),
        ("If-None-Match", OLD_TAG, 412),
        ("If-None-Match", f"W/{OLD_TAG}", 412),
        ("If-None-Match", "*", 412),
    ],
)
def test_a_tag_is_moved_only_when_the_condition_holds(
    pusher: Client, header: str, value: str, status: int
) -> None:
    answer, _ = put(pusher, condition=(header, value))

    assert answer == status
    now_there = Tag.objects.live().get(name="v1").manifest.digest
    assert now_there == str(Digest.of(NEW if status == 201 else OLD))
    assert Manifest.objects.filter(digest=str(Digest.of(NEW))).exists() == (status == 201)


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("If-Match", "*", 412),
        ("If-Match", OLD_TAG, 412),
        ("If-None-Match", "*", 201),
        ("If-None-Match", OLD_TAG, 201),
    ],
)
def test_a_tag_that_is_not_there_matches_nothing(
    pusher: Client, header: str, value: str, status: int
) -> None:
    assert put(pusher, "/v2/acme/web/manifests/v2", condition=(header, value))[0] == status


def test_a_manifest_pushed_by_digest_has_the_manifest_itself_as_its_condition(
    pusher: Client,
) -> None:
    there, not_there = (f"/v2/acme/web/manifests/{Digest.of(body)}" for body in (OLD, NEW))

    assert put(pusher, there, OLD, condition=("If-None-Match", "*")) == (412, "DENIED")
    assert put(pusher, there, OLD, condition=("If-Match", OLD_TAG))[0] == 201
    assert put(pusher, not_there, NEW, condition=("If-Match", "*")) == (412, "DENIED")
    assert put(pusher, not_there, NEW, condition=("If-None-Match", "*"))[0] == 201


@pytest.mark.parametrize(
    ("condition", "status"),
    [(OLD_TAG, 304), (f"W/{OLD_TAG}", 304), ("*", 304), (f'"x",{OLD_TAG}', 304), (NEW_TAG, 200)],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_holds_a_manifest_need_not_read_it(
    pusher: Client, method: str, condition: str, status: int
) -> None:
    response = pusher.generic(method, PATH, headers={"If-None-Match": condition})

    assert response.status_code == status
    assert response.headers["ETag"] == OLD_TAG
    assert response.headers["Docker-Content-Digest"] == str(Digest.of(OLD))


def test_the_exact_bytes_come_back_with_their_type(pusher: Client) -> None:
    odd = (
        b'{ "schemaVersion":2,\n"manifests" :[ ],"\\u0061nnotations":{"x":"\\/ \\u00e9"},"n":1e2}\n'
    )
    pushed = pusher.generic("PUT", "/v2/acme/web/manifests/odd", odd, OCI_INDEX)

    response = pusher.get("/v2/acme/web/manifests/odd")

    assert pushed.status_code == 201
    assert response.content == odd
    assert response.headers["Content-Type"] == OCI_INDEX
    assert response.headers["Content-Length"] == str(len(odd))


def test_a_manifest_above_the_limit_is_413(pusher: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Configuration, "maximum_manifest_bytes", len(NEW))

    assert put(pusher)[0] == 201
    assert put(pusher, body=NEW + b" ") == (413, "MANIFEST_INVALID")


def test_unknown_blobs_are_all_named(pusher: Client) -> None:
    missing = [f"layer {n}".encode() for n in range(7)]

    response = pusher.generic("PUT", PATH, image(b"{}", *missing), OCI_MANIFEST)

    (error,) = response.json()["errors"]
    assert (response.status_code, error["code"]) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert error["detail"]["digests"] == [str(Digest.of(content)) for content in missing]
    assert "and 2 more" in error["message"]


def test_a_size_that_is_not_the_stored_one_is_refused_with_the_place(pusher: Client) -> None:
    wrong = json.loads(NEW)
    wrong["config"]["size"] = 3

    response = pusher.generic("PUT", PATH, json.dumps(wrong).encode(), OCI_MANIFEST)

    assert error_of(response.json())[0] == "MANIFEST_INVALID"
    assert "config.size is 3" in error_of(response.json())[1]


def test_tags_of_the_query_are_pointed_and_told(pusher: Client) -> None:
    names = [f"t{n}" for n in range(12)]
    query = "&".join(f"tag={name}" for name in names)

    response = pusher.generic(
        "PUT", f"/v2/acme/web/manifests/{Digest.of(NEW)}?{query}", NEW, OCI_MANIFEST
    )

    assert response.status_code == 201
    assert response.headers["OCI-Tag"] == ", ".join(names)
    assert set(pusher.get("/v2/acme/web/tags/list").json()["tags"]) == {"v1", *names}


def test_a_subject_is_told_back_and_its_referrers_are_listed(pusher: Client) -> None:
    body = image(b"{}", subject=descriptor(OLD, OCI_MANIFEST))

    response = pusher.generic(
        "PUT", f"/v2/acme/web/manifests/{Digest.of(body)}", body, OCI_MANIFEST
    )

    assert response.headers["OCI-Subject"] == str(Digest.of(OLD))
    listed = pusher.get(f"/v2/acme/web/referrers/{Digest.of(OLD)}").json()["manifests"]
    assert [entry["digest"] for entry in listed] == [str(Digest.of(body))]


def referrers_of_old(repository: Repository, *texts: str) -> list[str]:
    """Digests of referrers with these annotations, in order."""
    bodies = [
        image(b"{}", subject=descriptor(OLD, OCI_MANIFEST), annotations={"text": text})
        for text in texts
    ]
    for body in bodies:
        push(repository, body, str(Digest.of(body)))
    return sorted(str(Digest.of(body)) for body in bodies)


def test_referrers_with_large_annotations_come_on_more_pages(
    pusher: Client, repository: Repository
) -> None:
    digests = referrers_of_old(repository, *(letter * 1_500_000 for letter in "abcde"))
    path, listed = f"/v2/acme/web/referrers/{Digest.of(OLD)}", []
    for _ in digests:
        page = pusher.get(path)
        assert len(page.content) <= 4 * 1024 * 1024
        listed += [entry["digest"] for entry in page.json()["manifests"]]
        if "Link" not in page.headers:
            break
        path = page.headers["Link"].partition("<")[2].partition(">")[0]

    assert listed == digests


def test_a_referrer_is_listed_with_all_its_annotations(
    pusher: Client, repository: Repository
) -> None:
    referrers_of_old(repository, "x" * 100_000)

    (listed,) = pusher.get(f"/v2/acme/web/referrers/{Digest.of(OLD)}").json()["manifests"]

    assert listed["annotations"] == {"text": "x" * 100_000}


def test_what_is_attached_is_looked_up_without_large_annotations(repository: Repository) -> None:
    referrers_of_old(repository, "x" * 100_000)

    (attached,) = attached_to(repository, Digest.of(OLD), now=NOW)

    assert "annotations_json" not in attached.manifest.__dict__
    assert attached.manifest.annotations == {}


def test_a_deleted_manifest_is_gone_with_its_tags_and_comes_back_by_a_push(
    pusher: Client,
) -> None:
    by_digest = f"/v2/acme/web/manifests/{Digest.of(OLD)}"

    assert pusher.delete(by_digest).status_code == 202
    for path in (by_digest, PATH):
        assert error_of(pusher.get(path).json())[0] == "MANIFEST_UNKNOWN"
    assert pusher.delete(by_digest).status_code == 404
    assert put(pusher, body=OLD)[0] == 201
    assert pusher.get(PATH).content == OLD


def test_a_blob_that_a_manifest_needs_is_not_deleted(pusher: Client) -> None:
    blob = f"/v2/acme/web/blobs/{Digest.of(b'{}')}"

    refused = pusher.delete(blob)
    assert (refused.status_code, error_of(refused.json())[0]) == (405, "UNSUPPORTED")
    assert "delete the manifest first" in error_of(refused.json())[1]
    pusher.delete(f"/v2/acme/web/manifests/{Digest.of(OLD)}")
    assert pusher.delete(blob).status_code == 202
    assert put(pusher, body=OLD) == (404, "MANIFEST_BLOB_UNKNOWN")


def test_a_push_names_at_most_a_hundred_tags(pusher: Client, repository: Repository) -> None:
    hold(repository, b"{}")
    body = image(b"{}")
    tags = [f"{number:0>128}" for number in range(101)]

    def put(count: int) -> Any:
        query = "&".join(f"tag={tag}" for tag in tags[:count])
        path = f"/v2/acme/web/manifests/{Digest.of(body)}?{query}"
        return pusher.generic("PUT", path, body, OCI_MANIFEST)

    refused = put(101)
    assert refused.status_code == 400
    assert error_of(refused.json())[0] == "TAG_INVALID"
    assert not Tag.objects.exclude(name="v1").exists()

    pushed = put(100)
    assert pushed.status_code == 201
    assert Tag.objects.live().exclude(name="v1").count() == 100
    told = pushed.headers["OCI-Tag"].split(", ")
    assert len(pushed.headers["OCI-Tag"]) <= 3072
    assert told == tags[: len(told)]
