"""What each route under ``/v2/`` answers to whom. The table that the routes are held to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

from tests.conformance.content import OCI_INDEX
from tests.system.world import BLOB_DIGEST, MANIFEST, MANIFEST_DIGEST

PULL = frozenset({"pull"})
WRITE = frozenset({"pull", "push", "delete"})
NOTHING: frozenset[str] = frozenset()
FOREIGN = "owner with a token of another repository"

# What each caller may do in acme/public, in acme/private, and in acme/missing once it is there.
RIGHTS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "anonymous": {"public": PULL, "private": NOTHING, "absent": NOTHING},
    "outsider": {"public": PULL, "private": NOTHING, "absent": NOTHING},
    "reader": {"public": PULL, "private": PULL, "absent": NOTHING},
    "writer": {"public": WRITE, "private": WRITE, "absent": NOTHING},
    "robot": {"public": WRITE, "private": WRITE, "absent": NOTHING},
    "manager": {"public": WRITE | {"*"}, "private": WRITE | {"*"}, "absent": NOTHING},
    "owner": {"public": WRITE | {"*"}, "private": WRITE | {"*"}, "absent": WRITE | {"*"}},
    "owner with a read token": {"public": PULL, "private": PULL, "absent": PULL},
    FOREIGN: {
        "public": NOTHING,
        "private": NOTHING,
        "absent": NOTHING,
    },
}


@dataclass(frozen=True, slots=True)
class Row:
    """One method of one route: the right it needs, and what it answers to who has it.

    ``absent`` is the answer for a repository that is not there.
    """

    path: str
    action: str
    status: int
    absent: int = 404
    body: bytes = b""
    content_type: str = "application/octet-stream"


UPLOADS = "/v2/{name}/blobs/uploads/"
SESSION = "/v2/{name}/blobs/uploads/{session}"
CLOSED = f"{SESSION}?digest={BLOB_DIGEST}"
BLOB_PATH = f"/v2/{{name}}/blobs/{BLOB_DIGEST}"
BY_TAG = "/v2/{name}/manifests/v1"
BY_DIGEST = f"/v2/{{name}}/manifests/{MANIFEST_DIGEST}"
TAGS = "/v2/{name}/tags/list"
REFERRERS = f"/v2/{{name}}/referrers/{MANIFEST_DIGEST}"
CONTENT = b"what a repository holds"

ROWS: Mapping[tuple[str, str], list[Row]] = {
    ("distribution:uploads", "POST"): [
        Row(UPLOADS, "push", 202, absent=202),
        Row(f"{UPLOADS}?digest={BLOB_DIGEST}", "push", 201, absent=201, body=CONTENT),
        Row(f"{UPLOADS}?mount={BLOB_DIGEST}&from={{name}}", "push", 201, absent=202),
    ],
    ("distribution:upload", "GET"): [Row(SESSION, "push", 204)],
    ("distribution:upload", "PATCH"): [Row(SESSION, "push", 202, body=b"a chunk")],
    ("distribution:upload", "PUT"): [Row(CLOSED, "push", 201, body=CONTENT)],
    ("distribution:upload", "DELETE"): [Row(SESSION, "push", 204)],
    ("distribution:blob", "GET"): [Row(BLOB_PATH, "pull", 200)],
    ("distribution:blob", "HEAD"): [Row(BLOB_PATH, "pull", 200)],
    ("distribution:blob", "DELETE"): [Row(BLOB_PATH, "delete", 202)],
    ("distribution:manifest", "GET"): [
        Row(BY_TAG, "pull", 200),
        Row(BY_DIGEST, "pull", 200),
    ],
    ("distribution:manifest", "HEAD"): [
        Row(BY_TAG, "pull", 200),
        Row(BY_DIGEST, "pull", 200),
    ],
    ("distribution:manifest", "PUT"): [
        Row(BY_TAG, "push", 201, absent=201, body=MANIFEST, content_type=OCI_INDEX),
        Row(BY_DIGEST, "push", 201, absent=201, body=MANIFEST, content_type=OCI_INDEX),
        Row(f"{BY_DIGEST}?tag=v2", "push", 201, absent=201, body=MANIFEST, content_type=OCI_INDEX),
    ],
    ("distribution:manifest", "DELETE"): [
        Row(BY_TAG, "delete", 202),
        Row(BY_DIGEST, "delete", 202),
    ],
    ("distribution:tags", "GET"): [Row(TAGS, "pull", 200)],
    ("distribution:tags", "HEAD"): [Row(TAGS, "pull", 200)],
    ("distribution:referrers", "GET"): [Row(REFERRERS, "pull", 200, absent=200)],
    ("distribution:referrers", "HEAD"): [Row(REFERRERS, "pull", 200, absent=200)],
}

# Routes that are about no repository: what they answer without a login, and with one.
OTHERS: Mapping[tuple[str, str], tuple[str, int, int]] = {
    ("distribution:root", "GET"): ("/v2/", 401, 200),
    ("distribution:root", "HEAD"): ("/v2/", 401, 200),
    ("distribution:token", "GET"): ("/v2/auth", 401, 200),
    ("distribution:token", "HEAD"): ("/v2/auth", 401, 200),
    # Without a form. What it grants is compared to the table of rights below.
    ("distribution:token", "POST"): ("/v2/auth", 400, 400),
    ("distribution:catalog", "GET"): ("/v2/_catalog", 401, 200),
    ("distribution:catalog", "HEAD"): ("/v2/_catalog", 401, 200),
    ("distribution:unknown", "*"): ("/v2/nothing/here", 404, 404),
}

# What is in no table: public keys, probes, redirects, and doors before those of Django and the
# login library, which their own tests try (tests/ui/accounts).
OPEN_ROUTES = frozenset(
    {
        "jwks",
        "metrics",  # tests/registry/api/test_metrics.py
        "health:livez",
        "health:readyz",
        "health:healthz",
        "health:health/instance",
        "health:health/endtoend",
        "ui:<repository:place>/",
        "ui:<namespace:place>/",
        "ui:<repository:repository>:<tag:tag>",
        "ui:<repository:repository>@<digest:digest>",
        "ui:<repository:repository>:<tag:tag>@<digest:digest>",
        "login/",
        "password_change/",
        "social/login/cancelled/",
        "oidc/<str:provider_id>/login/",
        "oidc/<str:provider_id>/login/callback/",
        "social/login/error/",
        "social/signup/",
        "social/connections/",
    }
)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def named_routes() -> Iterator[tuple[str, URLPattern]]:
    """Every route of the URL configuration, by its name with the names of its spaces."""
    yield from _walk(get_resolver().url_patterns, "")


def methods_of(route: URLPattern) -> set[str]:
    """The methods that a route's view answers; ``*`` when it treats all alike."""
    view = getattr(route.callback, "cls", None)
    actions = getattr(view, "actions", None)
    if actions is not None:
        return set(actions)
    handled = {method for method in METHODS if hasattr(view, method.lower())} - {"OPTIONS"}
    return handled | ({"HEAD"} if "GET" in handled else set()) or {"*"}


def _walk(
    patterns: list[URLPattern | URLResolver], prefix: str
) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            space = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from _walk(pattern.url_patterns, space)
        else:
            yield f"{prefix}{pattern.name or pattern.pattern}", pattern
