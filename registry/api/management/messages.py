"""What of ``/api/v1/`` is about no repository: announcements, and every route that there is not."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from registry.announcements.current import current_announcements
from registry.announcements.models import Announcement, Severity
from registry.announcements.services import announce, withdraw_announcement
from registry.api.http.views import UnknownRoute
from registry.api.management.base import ManagementView, NotFound
from registry.api.management.bodies import Body, Choice, Text
from registry.api.management.documents import pk_of


class UnknownView(UnknownRoute, ManagementView):
    """Every other path below ``/api/``."""


class Message(Body):
    """Text of either type is shown as Markdown."""

    content = Text()
    severity = Choice(Severity.values)
    media_type = Choice(("text/plain", "text/markdown"))


class NewMessage(Body):
    message = Message()


class MessagesView(ManagementView):
    """Announcements, in Quay's words. Everybody may read them."""

    bodies = {"POST": NewMessage}

    def get(self, request: Request) -> Response:
        messages: list[dict[str, Any]] = [
            {
                "uuid": str(shown.id),
                "content": shown.text,
                "media_type": "text/markdown",
                "severity": shown.severity,
            }
            for shown in current_announcements(now=self.now)
        ]
        return Response({"messages": messages})

    def post(self, request: Request) -> Response:
        said = self.read()["message"]
        announce(text=said["content"], severity=said["severity"], **self.change)
        return Response(status=201)


class MessageView(ManagementView):
    def delete(self, request: Request, message: str) -> Response:
        found = Announcement.objects.filter(pk=pk_of(message)).first()
        if found is None:
            raise NotFound(f"there is no message {message[:64]}")
        withdraw_announcement(announcement=found, **self.change)
        return Response(status=204)
