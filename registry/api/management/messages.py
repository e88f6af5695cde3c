"""What of ``/api/v1/`` is about no repository: announcements, and every route that there is not."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from registry.announcements.current import current_announcements
from registry.api.http.views import UnknownRoute
from registry.api.management.base import ManagementView


class UnknownView(UnknownRoute, ManagementView):
    """Every other path below ``/api/``."""


class MessagesView(ManagementView):
    """``GET /api/v1/messages``: announcements, in Quay's words. Everybody may read them."""

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
