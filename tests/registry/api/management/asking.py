"""Asking ``/api/v1/`` as the clients of Quay do, and who asks."""

import base64
import json
from typing import Any

from django.test import Client

from accounts.credentials.services import issue_application_token
from accounts.users.models import User
from tests.registry.builders import NOW, PASSWORD

EVERYTHING = frozenset(
    {"repo:admin", "repo:write", "repo:read", "repo:create", "org:admin", "user:admin", "user:read"}
    | {"super:user"}
)


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    pair = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def token(user: User | str, scopes: frozenset[str] = EVERYTHING) -> dict[str, str]:
    """Headers with an application token of somebody."""
    owner = User.objects.get(username=user) if isinstance(user, str) else user
    secret = issue_application_token(user=owner, title="t", scopes=scopes, expires_at=None, now=NOW)
    return {"Authorization": f"Bearer {secret}"}


def ask(client: Client, method: str, path: str, document: object = None) -> tuple[int, Any]:
    """Status and document of the answer to ``path`` below ``/api/v1``."""
    body = b"" if document is None else json.dumps(document).encode() + b"\n"
    answer = client.generic(method, f"/api/v1{path}", body, "application/json")
    return answer.status_code, json.loads(answer.content) if answer.content else None
