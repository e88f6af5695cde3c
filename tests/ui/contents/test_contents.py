"""What the page of every tag and digest has, whatever it holds."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.audit.services import Actor
from accounts.users.models import User
from artifacts.oci.digest import Digest
from artifacts.oci.expiry import ExpirySource
from registry.blobs.transfers import transfers
from registry.manifests.models import Manifest
from registry.manifests.services import tag_manifest
from registry.repositories.models import Repository, Role, SignatureRequirement
from registry.repositories.services import grant
from registry.statistics.models import DailyTraffic
from registry.tags.models import Tag
from registry.tags.services import delete_tag
from tests.artifacts.signatures.signing import Signer
from tests.registry.builders import NOW, PASSWORD, index, make_repository, make_user, push
from tests.registry.verification.signed import as_signature, attach_by_subject, attach_by_tag, trust
from tests.ui.browsing import browser
from tests.ui.contents.pushed import about, page, push_artifact, push_image, tag_url, url_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Repository:
    return make_repository("acme/web", is_public=True)


def sign(repository: Repository, manifest: Manifest, signer: Signer) -> Manifest:
    return attach_by_subject(
        repository, manifest.digest, signer.bundle(manifest.digest), **as_signature()
    )


def test_a_tag_shows_its_digest_its_types_and_its_purl(web: Repository) -> None:
    manifest = push_image(web, b"x" * 1024)

    text = page(tag_url(web, "v1"))

    assert manifest.digest in text
    assert f'href="{url_of(manifest)}"' in text
    assert manifest.media_type in text
    purl = f"pkg:oci/web@{manifest.digest.replace(':', '%3A')}"
    assert f"{purl}?repository_url=testserver/acme/web&tag=v1" in text


def test_an_index_and_an_image_of_null_show_as_empty(web: Repository) -> None:
    push(web, index().replace(b"[]", b"null"), "idx")
    push_image(web, reference="img", layers=None)

    assert "This index lists nothing." in page(tag_url(web, "idx"))
    assert page(tag_url(web, "img")).count('class="b-layer-head"') == 1


def test_a_digest_names_its_tags(web: Repository) -> None:
    manifest = push_image(web)
    push(web, bytes(manifest.body), "stable")

    text = page(url_of(manifest))

    assert 'href="/acme/web/-/tags/v1"' in text
    assert 'href="/acme/web/-/tags/stable"' in text


def test_a_tag_that_expires_says_when_why_and_what_it_did_not_get(web: Repository) -> None:
    push_image(web)
    Tag.objects.update(
        expires_at=datetime.now(UTC) + timedelta(hours=50),
        expiry_source=ExpirySource.LABEL,
        warning="quay.expires-after: 'x' is no duration",
        is_immutable=True,
    )

    text = page(tag_url(web, "v1"))

    assert "in 2 days" in text
    assert f"asked for by {ExpirySource.LABEL.value}" in text
    assert "quay.expires-after: 'x' is no duration" in text
    assert "it cannot be moved or deleted" in text


def test_a_tag_that_is_gone_says_why_and_leads_to_its_history(web: Repository) -> None:
    push_image(web)
    delete_tag(repository=web, name="v1", now=datetime.now(UTC))

    answer = Client().get(tag_url(web, "v1"))

    text = answer.content.decode()
    assert answer.status_code == 404
    assert "The tag v1 was deleted on" in text
    assert "can be restored until" in text
    assert 'href="/acme/web/-/history?tag=v1"' in text


def test_an_expired_tag_is_gone_before_it_is_swept(web: Repository) -> None:
    push_image(web)
    Tag.objects.update(expires_at=NOW + timedelta(minutes=1))

    answer = Client().get(tag_url(web, "v1"))

    assert answer.status_code == 404
    assert "The tag v1 expired on" in answer.content.decode()


def test_what_never_was_there_is_told_apart(web: Repository) -> None:
    for path in ("/acme/web/-/tags/none", f"/acme/web/-/manifests/sha256:{'0' * 64}"):
        answer = Client().get(path)
        assert answer.status_code == 404
        assert "acme/web has no manifest" in answer.content.decode()


def test_a_private_manifest_looks_like_a_missing_one() -> None:
    secret = make_repository("acme/secret")
    manifest = push_image(secret, b"layer")
    blob = Digest.of(b"layer")
    stranger = make_user("mallory")

    for path in (
        tag_url(secret, "v1"),
        url_of(manifest),
        f"{url_of(manifest)}/raw",
        f"{url_of(manifest)}/referrers",
        f"{url_of(manifest)}/blobs/{blob}",
        f"{url_of(manifest)}/layers/{blob}",
        f"{url_of(manifest)}/chart/values.yaml",
        f"/acme/secret/-/keys/{'0' * 64}",
    ):
        assert Client().get(path).status_code == 404
        assert browser(stranger).get(path).status_code == 404
        assert browser(_owner()).post(path).status_code == 405


def test_a_requirement_of_signatures_does_not_hide_pages(web: Repository) -> None:
    push_image(web)
    Repository.objects.update(signature_requirement=SignatureRequirement.REQUIRED)

    assert "Not signed" in page(tag_url(web, "v1"))


def test_a_page_is_no_pull(web: Repository) -> None:
    manifest = push_image(web)

    page(tag_url(web, "v1"))

    manifest.refresh_from_db()
    assert manifest.last_pulled_at is None


def test_signatures_show_their_verdict_their_key_and_how_to_verify(web: Repository) -> None:
    signer = Signer()
    manifest = push_image(web)
    key = trust(web, signer, "release.2026")
    sign(web, manifest, signer)

    text = page(tag_url(web, "v1"))
    saved = Client().get(f"/acme/web/-/keys/{key.fingerprint}")

    assert "Verified" in text
    assert ">release.2026</a>" in text
    command = "cosign verify --key release.2026.pub --insecure-ignore-tlog=true"
    assert f"{command} --allow-http-registry testserver/acme/web@{manifest.digest}" in text
    assert saved.content.decode() == signer.pem
    assert saved.headers["Content-Disposition"] == 'attachment; filename="release.2026.pub"'


def test_a_signature_by_a_stranger_says_why_it_does_not_count(web: Repository) -> None:
    manifest = push_image(web)
    trust(web, Signer())
    attach_by_tag(web, manifest.digest, Signer().simple(manifest.digest))

    text = page(tag_url(web, "v1"))

    assert "Invalid" in text
    assert "it is not by a registered key" in text
    assert "cosign verify " not in text


def test_the_key_of_another_organization_is_not_handed_out(web: Repository) -> None:
    other = make_repository("other/web")
    key = trust(other, Signer())

    assert Client().get(f"/acme/web/-/keys/{key.fingerprint}").status_code == 404


def test_what_is_attached_is_drawn_and_listed(web: Repository) -> None:
    manifest = push_image(web)
    sbom = push_artifact(
        web,
        (b"{}", "application/spdx+json", {}),
        subject=about(manifest),
        artifactType="application/spdx+json",
    )
    scan = push_artifact(web, subject=about(sbom), artifactType="application/vnd.acme.scan")

    text = page(tag_url(web, "v1"))
    start = text.index('class="b-graph"')
    graph = text[start : text.index("</svg>", start)]

    assert graph.count('class="b-node ') == 3
    assert graph.count('class="b-edge"') == 2
    for one in (sbom, scan):
        assert f'<a href="{url_of(one)}" aria-label=' in graph
        assert text.count(f'href="{url_of(one)}"') >= 2
    assert "application/vnd.acme.scan" in text


def test_what_is_attached_leads_back(web: Repository) -> None:
    manifest = push_image(web)
    sbom = push_artifact(web, subject=about(manifest), artifactType="application/spdx+json")
    signature = attach_by_tag(web, manifest.digest, Signer().simple(manifest.digest))

    for one in (sbom, signature):
        assert f'<dt>Attached to</dt><dd><a href="{url_of(manifest)}">' in page(url_of(one))


def test_very_much_attached_is_drawn_in_part_and_listed_in_pages(web: Repository) -> None:
    manifest = push_image(web)
    for number in range(70):
        push_artifact(
            web,
            subject=about(manifest),
            artifactType="application/vnd.acme.scan",
            annotations={"n": str(number)},
        )

    text = page(tag_url(web, "v1"))
    first = page(f"{url_of(manifest)}/referrers")
    query = first[first.index('href="?after=') + len('href="?after=') :].partition('"')[0]
    second = page(f"{url_of(manifest)}/referrers", after=query)

    assert text.count('class="b-node ') == 60
    assert "11 more are not drawn." in text
    assert text.count('class="b-list-main"') == 20
    assert (first.count('class="b-list-main"'), second.count('class="b-list-main"')) == (50, 20)
    assert 'rel="next"' not in second


def test_queries_do_not_grow_with_what_is_attached(web: Repository) -> None:
    few = push_image(web, reference="few")
    many = push_image(web, reference="many", config={"n": 1})
    signer = Signer()
    trust(web, signer)
    for subject, count in ((few, 1), (many, 15)):
        for number in range(count):
            note = {"n": str(number)}
            sbom = push_artifact(
                web, subject=about(subject), artifactType="application/spdx+json", annotations=note
            )
            push_artifact(
                web, subject=about(sbom), artifactType="application/vnd.acme", annotations=note
            )
        sign(web, subject, signer)

    for path in ("/acme/web/-/tags/{}", "/acme/web/-/manifests/{}/referrers"):
        names = ("few", "many") if "tags" in path else (few.digest, many.digest)
        counts = [_queries(path.format(name)) for name in names]
        assert counts[0] == counts[1] <= 24


def test_the_exact_bytes_of_a_manifest_can_be_saved(web: Repository) -> None:
    manifest = push_image(web)

    saved = Client().get(f"{url_of(manifest)}/raw")

    assert saved.content == bytes(manifest.body)
    assert saved.headers["Content-Disposition"] == (
        f'attachment; filename="web-{manifest.digest[7:19]}.json"'
    )


def test_a_blob_is_saved_and_never_shown(web: Repository) -> None:
    content = b"<html><script>alert(1)</script>" * 1000
    manifest = push_artifact(web, (content, "text/html", {}), reference="v1")

    saved = Client().get(f"{url_of(manifest)}/blobs/{Digest.of(content)}")

    assert b"".join(saved) == content
    assert saved.headers["Content-Type"] == "application/octet-stream"
    assert saved.headers["Content-Disposition"].startswith('attachment; filename="')
    assert saved.headers["X-Content-Type-Options"] == "nosniff"
    assert saved.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert saved.headers["Content-Length"] == str(len(content))


def test_a_large_download_takes_a_place_among_the_transfers(
    web: Repository, settings: pytest.FixtureRequest
) -> None:
    content = b"x" * 600_000
    manifest = push_artifact(web, (content, "text/plain", {}), reference="v1")
    url = f"{url_of(manifest)}/blobs/{Digest.of(content)}"
    settings.MAXIMUM_CONCURRENT_DOWNLOADS = 1  # type: ignore[attr-defined]

    transfers.begin_download()
    try:
        refused = Client().get(url)
    finally:
        transfers.end_download()

    assert refused.status_code == 429
    assert b"".join(Client().get(url)) == content


def test_a_visitor_who_may_pull_sees_a_private_tag() -> None:
    secret = make_repository("acme/secret")
    push_image(secret)

    text = page(tag_url(secret, "v1"), browser(_owner()))

    assert "This repository is private" in text
    assert PASSWORD not in text


def _owner() -> User:
    return User.objects.get(username="acme-owner")


def _queries(path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        page(path)
    return len(captured)


def test_a_tag_says_first_whether_it_is_verified_who_pushed_it_and_how_large_it_is(
    web: Repository,
) -> None:
    alice = make_user("alice")
    grant(repository=web, role=Role.WRITE, holder=alice, now=NOW)
    manifest = push_image(web)
    now = datetime.now(UTC)
    tag_manifest(
        repository=web, name="stable", digest=manifest.digest, now=now, by=Actor("acme+ci")
    )
    DailyTraffic.objects.create(repository=web, reference="stable", day=now.date(), pulls=612)

    text = page(tag_url(web, "stable"), browser(alice))
    strip = " ".join(text.partition('<dl class="b-strip">')[2].partition("</dl>")[0].split())

    assert "Not signed" in strip
    assert "<dd>Never</dd>" in strip
    assert 'by <span class="b-break">acme+ci</span>' in strip
    assert "<dd>612<small>" in strip
    assert "1 blob<" in strip


def test_who_pushed_a_tag_is_not_told_to_those_who_may_only_pull(web: Repository) -> None:
    manifest = push_image(web)
    now = datetime.now(UTC)
    tag_manifest(
        repository=web, name="stable", digest=manifest.digest, now=now, by=Actor("acme+ci")
    )

    assert "acme+ci" not in page(tag_url(web, "stable"))


def test_a_tag_is_changed_and_deleted_from_its_own_page(web: Repository) -> None:
    alice = make_user("alice")
    grant(repository=web, role=Role.WRITE, holder=alice, now=NOW)
    manifest = push_image(web)

    text = page(tag_url(web, "v1"), browser(alice))

    assert 'href="/acme/web/-/compare?a=v1"' in text
    assert f'href="/acme/web/-/add-tag/{manifest.digest}"' in text
    offered = re.findall(r"change-tags\?action=(\w+)&tag=v1", text)
    assert offered == ["delete", "expire", "fix"]


@pytest.mark.parametrize(
    ("tag", "before"),
    [
        ("v1.10.0", "v1.9.0"),
        ("v1.9.0", "v1.2.0"),
        ("v1.2.0", ""),
        ("nightly", "v1.2.0"),
        ("first", ""),
    ],
)
def test_a_tag_is_compared_at_once_with_the_one_before_it(
    web: Repository, tag: str, before: str
) -> None:
    for number, name in enumerate(("first", "v1.10.0", "v1.9.0", "v1.2.0", "nightly")):
        push_image(web, name.encode(), reference=name)
        Tag.objects.filter(name=name).update(started_at=NOW + timedelta(hours=number))

    compared = re.findall(r"compare\?a=([^&\"]+)&b=", page(tag_url(web, tag)))

    assert compared == ([before] if before else [])


def test_a_tag_is_not_compared_with_another_of_its_manifest(web: Repository) -> None:
    manifest = push_image(web, reference="v1.0.0")
    push(web, bytes(manifest.body), "v1.1.0", now=NOW + timedelta(hours=1))

    assert "&b=v1.1.0" not in page(tag_url(web, "v1.1.0"))


def test_who_may_only_pull_is_offered_no_change_of_a_tag(web: Repository) -> None:
    push_image(web)

    assert "change-tags" not in page(tag_url(web, "v1"))


def test_what_is_not_there_takes_one_line(web: Repository) -> None:
    push_image(web)

    text = page(tag_url(web, "v1"))

    assert "Not signed · Nothing is attached" in text
    assert "cosign sign --key" in text
    assert 'href="#signatures"' not in text
