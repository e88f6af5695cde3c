"""The audit trail as lines of JSON, fetched by an address that is told beside or later."""

import json
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.audit.exports import address_of, export_at, prepare_export
from accounts.audit.models import LogExport
from accounts.mail.services import post
from accounts.users.models import Namespace
from registry.api.http.failures import RequestInvalid
from registry.api.http.login import external_url
from registry.api.management.base import (
    ManagementView,
    NamespaceView,
    NotFound,
    PlacedView,
    RepositoryView,
)
from registry.api.management.bodies import Body, Text
from registry.api.management.content.logs import log_of, window
from registry.api.management.documents import unstored

MOST_EVENTS: Final = 1_000_000


class NewExport(Body):
    callback_url = Text(required=False, allow_blank=True, max_length=2000)
    callback_email = Text(required=False, allow_blank=True, max_length=254)


class _Export(PlacedView):
    bodies = {"POST": NewExport}

    def post(self, request: Request, **_: str) -> Response:
        fields = self.read()
        email = _checked_email(fields.get("callback_email", ""))
        since, until = window(request, self.now)
        place = self.place
        is_namespace = isinstance(place, Namespace)
        export = prepare_export(
            namespace=place.name if isinstance(place, Namespace) else place.namespace.name,
            repository="" if is_namespace else str(place),
            created_at=place.created_at,
            since=since,
            until=until,
            origin=external_url(request),
            callback_url=fields.get("callback_url", ""),
            **self.change,
        )
        if email:
            post(
                recipient=email,
                subject=f"{export} is exported",
                body=_mail(export),
                now=self.now,
            )
        answer = Response({"export_id": str(export.uuid), "exported_data_url": address_of(export)})
        return unstored(answer)


class ExportView(NamespaceView, _Export):
    pass


class RepositoryExportView(RepositoryView, _Export):
    pass


class ExportedView(ManagementView):
    """Its address is all that is asked for."""

    def get(self, request: Request, key: str) -> StreamingHttpResponse:
        export = export_at(key, now=self.now)
        if export is None:
            raise NotFound("there is no such export, or it has ended: exports last an hour")
        return StreamingHttpResponse(
            _lines(export),
            content_type="application/jsonl; charset=utf-8",
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="log-{export.uuid}.jsonl"',
            },
        )


def _lines(export: LogExport) -> Iterator[str]:
    for event in export.events.newest_first(at_most=MOST_EVENTS):
        yield json.dumps(log_of(event, names_namespaces=not export.repository)) + "\n"


def _checked_email(address: str) -> str:
    if not address:
        return ""
    if not settings.BERTH.FEATURE_MAILING:
        raise RequestInvalid("this registry sends no mail (FEATURE_MAILING)")
    try:
        validate_email(address)
    except ValidationError as error:
        raise RequestInvalid("callback_email is not an e-mail address") from error
    return address


def _mail(export: LogExport) -> str:
    lines: list[Any] = [
        f"Somebody who may read {export} had it exported for you.",
        "",
        f"For an hour it is at {address_of(export)}",
        "",
    ]
    return "\n".join(lines)
