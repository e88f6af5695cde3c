"""The registry as a whole, for superusers and for programs that set one up."""

import json
from typing import Any

from django.conf import settings
from django.db.models import Sum
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.credentials.models import SigningKey
from registry.api.management.base import ManagementView
from registry.api.management.documents import written_date
from registry.blobs.models import Blob


class SizeView(ManagementView):
    """Bytes of all blobs, counted when somebody asks: nothing is queued for it."""

    def get(self, request: Request) -> Response:
        size = Blob.objects.aggregate(sum=Sum("size"))["sum"] or 0
        last = int(self.now.timestamp() * 1000)
        return Response({"size_bytes": size, "last_ran": last, "running": False, "queued": False})

    def post(self, request: Request) -> Response:
        return Response("", status=201)


class KeysView(ManagementView):
    """The public halves of the keys that sign tokens. They come and go by themselves."""

    def get(self, request: Request) -> Response:
        return Response({"keys": [_key(row) for row in SigningKey.objects.order_by("pk")]})


class ChangesView(ManagementView):
    """What changed from release to release, in Markdown."""

    def get(self, request: Request) -> Response:
        return Response({"log": settings.CHANGES_FILE.read_text(encoding="utf-8")})


class StatusView(ManagementView):
    def get(self, request: Request) -> Response:
        return Response({"provider_id": "berth", "status": "ready"})


class SettingsView(ManagementView):
    """What is set in ``config.yaml`` and by administrators, without secrets."""

    def get(self, request: Request) -> Response:
        return Response({"config": settings.BERTH.document(), "warning": "", "env": {}})


class PublicConfigView(ManagementView):
    """Outside of ``/api/v1/``: what clients ask before they log in."""

    def get(self, request: Request) -> Response:
        values = settings.BERTH.document()
        features = dict.fromkeys(_ABSENT, False) | dict.fromkeys(_PRESENT, True)
        features |= {
            name.removeprefix("FEATURE_"): value
            for name, value in values.items()
            if name.startswith("FEATURE_") and isinstance(value, bool)
        }
        public = {name: values[name] for name in _PUBLIC if name in values}
        return Response(
            {
                "config": public | {f"FEATURE_{name}": value for name, value in features.items()},
                "features": features,
                "oauth": {},
                "external_login": [],
                "registry_state": values["REGISTRY_STATE"],
                "account_recovery_mode": False,
                "version_number": settings.VERSION,
            }
        )


_PUBLIC = (
    *("AUTHENTICATION_TYPE", "PREFERRED_URL_SCHEME", "SERVER_HOSTNAME"),
    *("TAG_EXPIRATION_OPTIONS", "DEFAULT_TAG_EXPIRATION", "PERMANENTLY_DELETE_TAGS"),
)
# What clients ask for by Quay's names, and no key here decides.
_PRESENT = (
    *("APP_SPECIFIC_TOKENS", "ASSIGN_OAUTH_TOKEN", "AGGREGATED_LOG_COUNT_RETRIEVAL"),
    *("EXTENDED_REPOSITORY_NAMES", "IMAGE_EXPIRY_TRIGGER", "IMAGE_PULL_STATS"),
    *("LOG_EXPORT", "NAMESPACE_GARBAGE_COLLECTION", "REPOSITORY_GARBAGE_COLLECTION"),
)
_ABSENT = (
    *("BILLING", "BUILD_SUPPORT", "BITBUCKET_BUILD", "GITHUB_BUILD", "GITLAB_BUILD"),
    *("EDIT_QUOTA", "QUOTA_MANAGEMENT", "QUOTA_NOTIFICATIONS", "ORG_MIRROR", "REPO_MIRROR"),
    *("PROXY_CACHE", "SECURITY_SCANNER", "TEAM_SYNCING", "RECAPTCHA", "SIGNING"),
    *("INVITE_ONLY_USER_CREATION", "PARTIAL_USER_AUTOCOMPLETE"),
)


def _key(row: SigningKey) -> dict[str, Any]:
    return {
        "kid": row.kid,
        "name": "token signing key",
        "service": "berth",
        "created_date": written_date(row.created_at),
        "expiration_date": written_date(row.retired_at),
        "rotation_duration": None,
        "metadata": {},
        "jwk": json.loads(row.public_jwk),
        "approval": {
            "approval_type": "automatic",
            "approved_date": written_date(row.created_at),
            "approver": None,
            "notes": "",
        },
    }
