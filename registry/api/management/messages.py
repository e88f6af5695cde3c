"""What of ``/api/v1/`` is about no repository: announcements, and every route that there is not."""

from rest_framework.request import Request
from rest_framework.response import Response

from registry.announcements.models import Announcement, Severity
from registry.announcements.services import announce, withdraw_announcement
from registry.api.http.views import UnknownRoute
from registry.api.management.base import ManagementView, NotFound
from registry.api.management.bodies import Body, Choice, Text
from registry.api.management.documents import pk_of
from registry.api.management.paging import page_of


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
    """All announcements of the moment, in Quay's words, and not only those that pages have room
    for: who makes one looks here whether it is there. Everybody may read them."""

    bodies = {"POST": NewMessage}

    def get(self, request: Request) -> Response:
        page = page_of(request, Announcement.objects.shown(self.now), order="id")
        messages = [
            {
                "uuid": str(row.pk),
                "content": row.text,
                "media_type": row.media_type,
                "severity": row.severity,
            }
            for row in page.rows
        ]
        return Response({"messages": messages, **page.more})

    def post(self, request: Request) -> Response:
        fields = self.read()["message"]
        announce(
            text=fields["content"],
            severity=fields["severity"],
            media_type=fields["media_type"],
            **self.change,
        )
        return Response(status=201)


class MessageView(ManagementView):
    def delete(self, request: Request, message: str) -> Response:
        announcement = Announcement.objects.filter(pk=pk_of(message)).first()
        if announcement is None:
            raise NotFound(f"there is no message {message[:64]}")
        withdraw_announcement(announcement=announcement, **self.change)
        return Response(status=204)
