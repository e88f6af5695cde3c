"""Tags as Quay's API has them: list, history, move, expiry, delete, restore, delete for good."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.media_types import INDEXES
from artifacts.oci.names import is_tag, parse_tag
from registry.api.http.failures import RequestInvalid
from registry.api.management.base import RepositoryView
from registry.api.management.bodies import ManifestChoice, TagChange
from registry.api.management.documents import is_true, written_date
from registry.api.management.paging import number
from registry.manifests.removal import delete_tag_for_good
from registry.manifests.restoration import restore_tag
from registry.manifests.services import tag_manifest
from registry.manifests.sizes import layer_sizes
from registry.tags.models import StartReason, Tag, TagQuerySet
from registry.tags.services import delete_tag, set_expiry, set_immutable

_MAX_PAGE_ROWS = 100
_MAX_PAGE = 1_000_000


class TagsView(RepositoryView):
    def get(self, request: Request, name: str) -> Response:
        size = number(request, "limit", 50, _MAX_PAGE_ROWS)
        page = number(request, "page", 1, _MAX_PAGE)
        rows = self._rows()
        start = (page - 1) * size
        newest = rows.select_related("manifest").defer("manifest__body").newest_first()
        tags = list(newest[start : start + size + 1])
        shown = _documents(tags[:size], self.now)
        return Response({"tags": shown, "page": page, "has_additional": len(tags) > size})

    def _rows(self) -> TagQuerySet:
        parameters = self.request.query_params
        rows = Tag.objects.filter(repository=self.repository.id)
        if is_true(parameters.get("onlyActiveTags")):
            rows = rows.alive(at=self.now)
        if tag := parameters.get("specificTag"):
            rows = _called(rows, tag)
        if text := parameters.get("filter_tag_name"):
            way, colon, name = text.partition(":")
            if not colon or way not in ("like", "eq"):
                raise RequestInvalid("filter_tag_name is like:TEXT or eq:NAME")
            rows = _called(rows, name) if way == "eq" else _like(rows, name)
        return rows


class TagView(RepositoryView):
    bodies = {"PUT": TagChange}

    def put(self, request: Request, name: str, tag: str) -> Response:
        wanted = self.read()
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


class RestoreView(RepositoryView):
    bodies = {"POST": ManifestChoice}

    def post(self, request: Request, name: str, tag: str) -> Response:
        digest = self.read()["manifest_digest"]
        restore_tag(
            repository=self.repository,
            name=parse_tag(tag),
            digest=digest,
            now=self.now,
            by=self.caller.actor,
        )
        return Response({})


class ExpireView(RepositoryView):
    """Deletes a tag for good, or what the time machine holds of it."""

    bodies = {"POST": ManifestChoice}

    def post(self, request: Request, name: str, tag: str) -> Response:
        digest = self.read()["manifest_digest"]
        delete_tag_for_good(
            repository=self.repository,
            name=parse_tag(tag),
            digest=digest,
            now=self.now,
            by=self.caller.actor,
        )
        return Response({})


def _called(rows: TagQuerySet, name: str) -> TagQuerySet:
    return rows.filter(name=name) if is_tag(name) else rows.none()


def _like(rows: TagQuerySet, text: str) -> TagQuerySet:
    """Those with ``text`` anywhere in their names, which are ASCII."""
    return rows.filter(name__icontains=text) if is_tag(f"a{text}") else rows.none()


def _documents(tags: Iterable[Tag], now: datetime) -> list[Mapping[str, Any]]:
    tags = list(tags)
    sizes = layer_sizes({tag.manifest_id for tag in tags})
    return [_tag(tag, sizes.get(tag.manifest_id), now) for tag in tags]


def _tag(tag: Tag, size: int | None, now: datetime) -> Mapping[str, Any]:
    is_index = tag.manifest.media_type in INDEXES
    document: dict[str, Any] = {
        "name": tag.name,
        "reversion": tag.start_reason == StartReason.RESTORE,
        "start_ts": int(tag.started_at.timestamp()),
        "manifest_digest": tag.manifest.digest,
        "is_manifest_list": is_index,
        "size": None if is_index else size,
        "last_modified": written_date(tag.started_at),
        "immutable": tag.is_immutable,
    }
    end = tag.end(at=now)
    if ends_at := end[0] if end else tag.expires_at:
        document["end_ts"] = int(ends_at.timestamp())
        document["expiration"] = written_date(ends_at)
    return document
