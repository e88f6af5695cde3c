"""Repositories: made, listed, shown, changed and deleted; and those that somebody has starred."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.names import is_name
from artifacts.oci.media_types import INDEXES
from artifacts.oci.names import parse_repository_name
from registry.access.callers import InsufficientScope
from registry.access.rights import catalog_of, readable_repositories, rights_held, rights_in
from registry.api.http.failures import RequestInvalid
from registry.api.management.base import ManagementView, NotFound, RepositoryView, account_named
from registry.api.management.bodies import Body, Choice, Line, Text
from registry.api.management.documents import is_true, written_date
from registry.api.management.paging import page_of
from registry.manifests.sizes import layer_sizes
from registry.repositories.deletion import delete_repository
from registry.repositories.models import Repository, RepositoryQuerySet, Star
from registry.repositories.paths import repository_path
from registry.repositories.services import (
    MAX_DESCRIPTION_LENGTH,
    NamespaceUnknown,
    RepositoryExists,
    create_repository,
    describe,
    set_read_only,
    set_visibility,
    star,
    unstar,
)
from registry.statistics.reads import pulls_by_day
from registry.tags.models import Tag
from registry.tags.time_machine import time_machine_of

_MOST_LISTED = 100
_MOST_TAGS = 500
_DAYS_OF_STATISTICS = 90
_VISIBILITIES = ("public", "private")
_STATES = ("NORMAL", "READ_ONLY", "MIRROR")


class NewRepository(Body):
    repository = Text(max_length=255)
    namespace = Text(required=False, max_length=255)
    visibility = Choice(_VISIBILITIES)
    description = Text(allow_blank=True, max_length=MAX_DESCRIPTION_LENGTH)
    repo_kind = Choice(("image",), required=False)


class Description(Body):
    description = Text(allow_blank=True, max_length=MAX_DESCRIPTION_LENGTH)


class Visibility(Body):
    visibility = Choice(_VISIBILITIES)


class State(Body):
    state = Choice(_STATES)


class Starred(Body):
    namespace = Line(max_length=255)
    repository = Line(max_length=255)


class RepositoriesView(ManagementView):
    bodies = {"POST": NewRepository}

    def get(self, request: Request) -> Response:
        rows = self._rows().select_related("namespace")
        page = page_of(request, rows, order="path", size=_MOST_LISTED)
        return Response({"repositories": self._documents(page.rows), **page.more})

    def post(self, request: Request) -> Response:
        user = self.require_person()
        fields = self.read()
        path = _path_of(fields.get("namespace") or user.username, fields["repository"])
        self._check_may_create(path)
        try:
            made = create_repository(
                path=path,
                creator=self.principal,
                is_public=fields["visibility"] == "public",
                description=fields["description"],
                now=self.now,
                address=self.caller.address,
            )
        except RepositoryExists as error:
            raise RequestInvalid("Repository already exists") from error
        namespace, _, name = made.path.partition("/")
        return Response({"namespace": namespace, "name": name, "kind": "image"}, status=201)

    def settle(self, **kwargs: Any) -> None:
        """Lists hold what the caller may read; nobody in particular reads what is public."""
        if self.principal.kind == "anonymous" and self.operation.name != "listRepos":
            self.require_person()
        self.refuse_registry_token()

    def _rows(self) -> RepositoryQuerySet:
        parameters = self.request.query_params
        namespace = parameters.get("namespace", "")
        is_starred = is_true(parameters.get("starred"))
        is_public = is_true(parameters.get("public"))
        if not (namespace or is_starred or is_public):
            raise RequestInvalid("give one of namespace, public or starred")
        rows = readable_repositories(self.principal)
        if namespace:
            rows = rows.filter(namespace__name=namespace if is_name(namespace) else "")
        elif is_public:
            listed = rows if is_starred else catalog_of(self.principal)
            rows = listed.filter(is_public=True)
        if is_starred:
            rows = rows.filter(stars__user=self.require_person())
        return rows

    def _check_may_create(self, path: str) -> None:
        principal = replace(self.principal, scope="admin")  # the token's scope was looked at
        if "push" in rights_in(principal=principal, path=path, repository=None):
            return
        namespace = path.partition("/")[0]
        if account_named(namespace) is None:
            raise NamespaceUnknown(f"there is no user or organization {namespace}")
        raise InsufficientScope(f"{principal.name} may not create repositories in {namespace}")

    def _documents(self, rows: Sequence[Repository]) -> list[dict[str, Any]]:
        parameters = self.request.query_params
        starred = self._starred(rows)
        documents = [_listed(row, is_starred=row.pk in starred) for row in rows]
        if is_true(parameters.get("last_modified")):
            for row, document in zip(rows, documents, strict=True):
                pushed_at = int(row.last_pushed_at.timestamp())
                document["last_modified"] = pushed_at if row.kind else None
        if is_true(parameters.get("popularity")):
            traffic = pulls_by_day(rows, days=_DAYS_OF_STATISTICS, now=self.now)
            for row, document in zip(rows, documents, strict=True):
                document["popularity"] = float(traffic[row.pk].total)
        return documents

    def _starred(self, rows: Sequence[Repository]) -> set[int]:
        if self.principal.kind != "user":
            return set()
        stars = Star.objects.filter(user=self.principal.id, repository__in=rows)
        return set(stars.values_list("repository", flat=True))


class OneRepositoryView(RepositoryView):
    bodies = {"PUT": Description}
    of_content = False

    def get(self, request: Request, name: str) -> Response:
        row = _with_namespace(self.repository)
        namespace, _, rest = row.path.partition("/")
        rights = self._rights(row)
        document = {
            "namespace": namespace,
            "name": rest,
            "kind": "image",
            "description": row.description,
            "is_public": row.is_public,
            "is_organization": getattr(row.namespace, "organization", None) is not None,
            "is_starred": self._is_starred(row),
            "status_token": "",
            "trust_enabled": False,
            "tag_expiration_s": int(time_machine_of(row.namespace).total_seconds()),
            "is_free_account": False,
            "state": _state(row),
            "can_write": "push" in rights,
            "can_admin": "*" in rights,
        }
        if is_true(request.query_params.get("includeTags", "true")):
            document["tags"] = self._tags(row)
        if is_true(request.query_params.get("includeStats")):
            traffic = pulls_by_day([row], days=_DAYS_OF_STATISTICS, now=self.now)[row.pk]
            document["stats"] = [
                {"date": day, "count": count} for day, count in traffic.pulls_by_day
            ]
        return Response(document)

    def put(self, request: Request, name: str) -> Response:
        fields = self.read()
        describe(
            repository=_with_namespace(self.repository),
            description=fields["description"],
            **self.change,
        )
        return Response({"success": True})

    def delete(self, request: Request, name: str) -> Response:
        delete_repository(repository=_with_namespace(self.repository), **self.change)
        return Response(status=204)

    def _rights(self, row: Repository) -> frozenset[str]:
        claims = self.caller.claims
        rights: frozenset[str] = rights_held(
            principal=self.principal, path=row.path, repository=row
        )
        if claims is None:
            return rights
        grant = claims.grants.get(row.path)
        return rights & (grant.scope.actions if grant else frozenset())

    def _is_starred(self, row: Repository) -> bool:
        if self.principal.kind != "user":
            return False
        return Star.objects.filter(user=self.principal.id, repository=row).exists()

    def _tags(self, row: Repository) -> dict[str, Any]:
        alive = Tag.objects.filter(repository=row).alive(at=self.now)
        tags = list(
            alive.select_related("manifest").defer("manifest__body").order_by("name")[:_MOST_TAGS]
        )
        sizes = layer_sizes({tag.manifest_id for tag in tags})
        return {tag.name: _tag(tag, sizes) for tag in tags}


class VisibilityView(RepositoryView):
    bodies = {"POST": Visibility}

    def post(self, request: Request, name: str) -> Response:
        fields = self.read()
        set_visibility(
            repository=_with_namespace(self.repository),
            is_public=fields["visibility"] == "public",
            **self.change,
        )
        return Response({"success": True})


class StateView(RepositoryView):
    """Repositories take pushes or are read-only. There are no mirrors."""

    bodies = {"PUT": State}

    def put(self, request: Request, name: str) -> Response:
        state = self.read()["state"]
        if state == "MIRROR":
            raise RequestInvalid("repositories cannot be in the state MIRROR here: none is one")
        set_read_only(repository=self.repository, is_read_only=state == "READ_ONLY", **self.change)
        return Response({"success": True})


class StarsView(ManagementView):
    bodies = {"POST": Starred}

    def get(self, request: Request) -> Response:
        rows = readable_repositories(self.principal).filter(stars__user=self.user)
        page = page_of(request, rows, order="path", size=_MOST_LISTED)
        shown = [
            {
                "namespace": row.path.partition("/")[0],
                "name": row.name,
                "description": row.description,
                "is_public": row.is_public,
            }
            for row in page.rows
        ]
        return Response({"repositories": shown, **page.more})

    def post(self, request: Request) -> Response:
        fields = self.read()
        path = _path_of(fields["namespace"], fields["repository"])
        repository = readable_repositories(self.principal).filter(path=path).first()
        if repository is None:
            raise NotFound(f"there is no repository {path}")
        star(repository=repository, user=self.user)
        return Response(
            {"namespace": fields["namespace"], "repository": fields["repository"]}, status=201
        )


class StarView(ManagementView):
    def delete(self, request: Request, name: str) -> Response:
        path = repository_path(name)
        repository = Repository.objects.filter(path=path, stars__user=self.user).first()
        if repository is None:
            raise NotFound(f"there is no star on {path}")
        unstar(repository=repository, user=self.user)
        return Response(status=204)


def _path_of(namespace: str, name: str) -> str:
    path = f"{namespace}/{name}"
    parse_repository_name(path)
    return path


def _with_namespace(repository: Repository) -> Repository:
    """The whole row, as it is now, for a service or a page of it."""
    rows = Repository.objects.select_related("namespace__organization", "namespace__user")
    row = rows.filter(pk=repository.pk).first()
    if row is None:
        raise NotFound(f"there is no repository {repository.path}")
    return row


def _state(row: Repository) -> str:
    return "READ_ONLY" if row.is_read_only else "NORMAL"


def _listed(row: Repository, *, is_starred: bool) -> dict[str, Any]:
    namespace, _, name = row.path.partition("/")
    return {
        "namespace": namespace,
        "name": name,
        "description": row.description,
        "is_public": row.is_public,
        "kind": "image",
        "state": _state(row),
        "is_starred": is_starred,
        "quota_report": {"quota_bytes": None, "configured_quota": None},
    }


def _tag(tag: Tag, sizes: Mapping[int, int]) -> dict[str, Any]:
    is_index = tag.manifest.media_type in INDEXES
    document = {
        "name": tag.name,
        "size": None if is_index else sizes.get(tag.manifest_id, 0),
        "last_modified": written_date(tag.started_at),
        "manifest_digest": tag.manifest.digest,
    }
    if tag.expires_at is not None:
        document["expiration"] = written_date(tag.expires_at)
    return document
