"""Tags as Quay's API has them: list, history, move, expiry, delete, restore, delete for good."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from django.db import transaction
from django.db.models import Sum
from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.media_types import INDEXES
from artifacts.oci.names import is_tag, parse_tag
from registry.api.http.failures import RequestInvalid
from registry.api.management.base import ManagementRepositoryView
from registry.api.management.changes import ManifestChoice, TagChange, read
from registry.manifests.models import ManifestBlob
from registry.manifests.removal import delete_tag_for_good
from registry.manifests.restoration import restore_tag
from registry.manifests.services import tag_manifest
from registry.tags.models import StartReason, Tag
from registry.tags.services import delete_tag, set_expiry, set_immutable

_MAX_PAGE_ROWS = 100
_MAX_PAGE = 1_000_000


class TagsView(ManagementRepositoryView):
    actions = {"GET": "pull", "HEAD": "pull"}

    def get(self, request: Request, name: str) -> Response:
        size = _number(request, "limit", 50, _MAX_PAGE_ROWS)
        page = _number(request, "page", 1, _MAX_PAGE)
        rows = Tag.objects.filter(repository=self.repository.id)
        if request.query_params.get("onlyActiveTags", "").lower() == "true":
            rows = rows.alive(at=self.now)
        if tag := request.query_params.get("specificTag"):
            rows = rows.filter(name=tag) if is_tag(tag) else rows.none()
        start = (page - 1) * size
        found = rows.select_related("manifest").defer("manifest__body").newest_first()
        tags = list(found[start : start + size + 1])
        shown = _documents(tags[:size], self.now)
        return Response({"tags": shown, "page": page, "has_additional": len(tags) > size})

    head = get


class TagView(ManagementRepositoryView):
    actions = {"PUT": "push", "DELETE": "delete"}

    def put(self, request: Request, name: str, tag: str) -> Response:
        wanted = read(TagChange, self.document())
        is_immutable = wanted.get("immutable")
        if is_immutable is False:
            self.require("*")
        change: dict[str, Any] = {
            "repository": self.repository,
            "name": parse_tag(tag),
            "now": self.now,
            "by": self.caller.actor,
        }
        with transaction.atomic():  # all or nothing
            if "manifest_digest" in wanted:
                tag_manifest(digest=wanted["manifest_digest"], **change)
            if "expiration" in wanted:
                set_expiry(expires_at=wanted["expiration"], **change)
            if is_immutable is not None:
                set_immutable(is_immutable=is_immutable, **change)
        return Response("Updated", status=201)

    def delete(self, request: Request, name: str, tag: str) -> Response:
        delete_tag(
            repository=self.repository, name=parse_tag(tag), now=self.now, by=self.caller.actor
        )
        return Response(status=204)


class RestoreView(ManagementRepositoryView):
    actions = {"POST": "push"}

    def post(self, request: Request, name: str, tag: str) -> Response:
        digest = read(ManifestChoice, self.document())["manifest_digest"]
        restore_tag(
            repository=self.repository,
            name=parse_tag(tag),
            digest=digest,
            now=self.now,
            by=self.caller.actor,
        )
        return Response({})


class ExpireView(ManagementRepositoryView):
    """Deletes a tag for good, or what the time machine holds of it."""

    actions = {"POST": "delete"}

    def post(self, request: Request, name: str, tag: str) -> Response:
        digest = read(ManifestChoice, self.document())["manifest_digest"]
        delete_tag_for_good(
            repository=self.repository,
            name=parse_tag(tag),
            digest=digest,
            now=self.now,
            by=self.caller.actor,
        )
        return Response({})


def _documents(tags: Iterable[Tag], now: datetime) -> list[Mapping[str, Any]]:
    tags = list(tags)
    manifests = {tag.manifest_id for tag in tags}
    sizes = dict(
        ManifestBlob.objects.filter(manifest__in=manifests)
        .order_by()
        .values_list("manifest")
        .annotate(size=Sum("link__blob__size"))
    )
    return [_tag(tag, sizes.get(tag.manifest_id, 0), now) for tag in tags]


def _tag(tag: Tag, size: int, now: datetime) -> Mapping[str, Any]:
    document: dict[str, Any] = {
        "name": tag.name,
        "reversion": tag.start_reason == StartReason.RESTORE,
        "start_ts": int(tag.started_at.timestamp()),
        "manifest_digest": tag.manifest.digest,
        "is_manifest_list": tag.manifest.media_type in INDEXES,
        "size": None if tag.manifest.media_type in INDEXES else size,
        "last_modified": format_datetime(tag.started_at.astimezone(UTC)),
        "immutable": tag.is_immutable,
    }
    end = tag.end(at=now)
    if ends_at := end[0] if end else tag.expires_at:
        document["end_ts"] = int(ends_at.timestamp())
        document["expiration"] = format_datetime(ends_at.astimezone(UTC))
    return document


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and int(text[:19]) >= 1):
        raise RequestInvalid(f"{name} must be a whole number from 1, not {text[:50]!r}")
    return min(int(text[:19]), most)
