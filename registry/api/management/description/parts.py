"""What both documents say of an operation, from the table of the routes."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from registry.api.management import bodies
from registry.api.management.description.answers import ANSWERS, Answer
from registry.api.management.description.forms import has_pages
from registry.api.management.operations import Operation
from registry.api.management.routes import Route

_PLACE: Final = re.compile(r"\{(\w+)\}")
_LOGS: Final = ("starttime", "endtime", "performer")
# What is asked beside the path, but for ``next_page``. Whatever else is sent is overlooked.
QUERIES: Final[Mapping[str, tuple[str, ...]]] = {
    "getMatchingEntities": ("namespace", "includeTeams", "includeOrgs"),
    "listAppTokens": ("expiring",),
    "listAllAppTokens": ("expiring",),
    "getOrganizationTeamMembers": ("includePending",),
    "getOrgRobots": ("permissions", "token", "limit"),
    "getUserRobots": ("permissions", "token", "limit"),
    "listRepos": ("namespace", "public", "starred", "last_modified", "popularity"),
    "getRepo": ("includeTags", "includeStats"),
    "listRepoTags": ("specificTag", "filter_tag_name", "onlyActiveTags", "limit", "page"),
    "listManifestLabels": ("filter",),
    "conductRepoSearch": ("query", "page", "includeUsage"),
    "conductSearch": ("query",),
    "listAllUsers": ("limit", "disabled"),
    "listAllOrganizations": ("limit",),
    "listRepoLogs": _LOGS,
    "listOrgLogs": _LOGS,
    "listUserLogs": _LOGS,
    "listAllLogs": _LOGS,
    "getAggregateRepoLogs": _LOGS,
    "getAggregateOrgLogs": _LOGS,
    "getAggregateUserLogs": _LOGS,
    "getAllAggregateLogs": _LOGS,
    "exportRepoLogs": _LOGS[:2],
    "exportOrgLogs": _LOGS[:2],
    "exportUserLogs": _LOGS[:2],
}
_NUMBERS: Final = frozenset({"limit", "page"})
_TEXTS: Final = ("detail", "error_message", "message", "error_type", "title", "type")
ERROR: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": [*_TEXTS, "status"],
    "properties": {**{name: {"type": "string"} for name in _TEXTS}, "status": {"type": "integer"}},
}


class Described(NamedTuple):
    """One operation: the route that it is of, its method, and what it takes and answers."""

    route: Route
    method: str
    operation: Operation

    @property
    def answer(self) -> Answer:
        return ANSWERS[self.operation.name]

    @property
    def body(self) -> type[bodies.Body] | None:
        return self.route.view.bodies.get(self.method)

    @property
    def needs_body(self) -> bool:
        return self.body is not None and any(one.required for one in self.body().fields.values())

    @property
    def path(self) -> str:
        """As Quay's document has it: a repository is called so."""
        return f"/api/v1/{self.route.path.replace('{name}', '{repository}')}"

    @property
    def tag(self) -> str:
        return self.route.path.partition("/")[0]

    @property
    def words(self) -> dict[str, Any]:
        right = self.operation.right
        return {
            "operationId": self.operation.name,
            "tags": [self.tag],
            "description": f"For: {right if right != '*' else 'administrator'}.",
        }

    def parameters(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Name, place and schema of each."""
        for name in _PLACE.findall(self.path):
            yield name, "path", {"type": "string"}
        for name in QUERIES.get(self.operation.name, ()):
            yield name, "query", {"type": "integer" if name in _NUMBERS else "string"}
        if has_pages(self.answer.form):
            yield "next_page", "query", {"type": "string"}

    def listed(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {"type": "array", "items": schema} if self.route.view.takes_lists else schema

    def security(self, scheme: str) -> list[dict[str, list[str]]]:
        if self.operation.right == "anybody":
            return []
        needed = {scheme: [self.operation.scope] if self.operation.scope else []}
        return [{}, needed] if self.operation.right in ("pull", "visitor") else [needed]


def described(routes: Iterable[Route]) -> list[Described]:
    return [
        Described(route, method, operation)
        for route in routes
        for method, operation in route.operations.items()
    ]


def bodies_of(operations: Iterable[Described]) -> list[type[bodies.Body]]:
    by_name = {one.body.__name__: one.body for one in operations if one.body}
    return [by_name[name] for name in sorted(by_name)]


def tags_of(operations: Iterable[Described]) -> list[dict[str, str]]:
    return [{"name": tag} for tag in sorted({one.tag for one in operations})]


def information(version: str) -> dict[str, str]:
    text = "What Quay's management API has of people, organizations, repositories and rights."
    return {"title": "Berth's management API", "version": version, "description": text}
