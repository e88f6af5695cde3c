"""Finding repositories, organizations and people by name."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.users.models import Namespace
from registry.access.rights import catalog_of, readable_repositories
from registry.api.management.base import ManagementView
from registry.api.management.documents import namespace_avatar
from registry.api.management.paging import number
from registry.repositories.models import Repository
from registry.search.questions import Question
from registry.search.reads import find_organizations, find_repositories

_PAGE_ROWS = 10
_MAX_PAGE = 100


class _SearchView(ManagementView):
    def matches(self) -> QuerySet[Repository]:
        """Those that the caller may read; without a question all, those first that were pushed
        last."""
        text = self.request.query_params.get("query", "").strip()
        rows: QuerySet[Repository]
        if text:
            rows = find_repositories(Question.read(text), readable_repositories(self.principal))
        else:
            rows = catalog_of(self.principal).order_by("-last_pushed_at", "-id")
        return rows.select_related("namespace__organization")


class RepositoriesView(_SearchView):
    def get(self, request: Request) -> Response:
        page = number(request, "page", 1, _MAX_PAGE)
        start = (page - 1) * _PAGE_ROWS
        rows = list(self.matches()[start : start + _PAGE_ROWS + 1])
        return Response(
            {
                "results": [_document(row) for row in rows[:_PAGE_ROWS]],
                "has_additional": len(rows) > _PAGE_ROWS,
                "page": page,
                "page_size": _PAGE_ROWS,
                "start_index": start,
            }
        )


class AllView(_SearchView):
    """Organizations and people first, then repositories."""

    def get(self, request: Request) -> Response:
        text = request.query_params.get("query", "").strip()
        named = find_organizations(Question.read(text), self.principal)[:_PAGE_ROWS]
        results = [_of_namespace(row) for row in named]
        results += [_document(row) for row in self.matches()[:_PAGE_ROWS]]
        return Response({"results": results[:_PAGE_ROWS]})


def _of_namespace(namespace: Namespace) -> dict[str, Any]:
    """Reads the organization: select it with the row."""
    face = namespace_avatar(namespace)
    kind = "organization" if face["kind"] == "org" else "user"
    return {
        "title": kind,
        "kind": kind,
        "avatar": face,
        "name": namespace.name,
        "score": 1,
        "href": f"/{namespace.name}/",
    }


def _document(row: Repository) -> dict[str, Any]:
    return {
        "kind": "repository",
        "title": "repository",
        "namespace": _of_namespace(row.namespace),
        "name": row.name,
        "description": row.description,
        "is_public": row.is_public,
        "score": 1,
        "href": f"/{row.path}/",
    }
