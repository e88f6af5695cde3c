"""``GET /api/v1/messages``: announcements, in Quay's words. Everybody may read them."""

from typing import Any

from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.announcements.current import current_announcements
from registry.api.management.base import OnlyJSON


class MessagesView(APIView):
    http_method_names = ["get", "head"]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = OnlyJSON

    def get(self, request: Request) -> Response:
        messages: list[dict[str, Any]] = [
            {
                "uuid": str(shown.id),
                "content": shown.text,
                "media_type": "text/markdown",
                "severity": shown.severity,
            }
            for shown in current_announcements(now=timezone.now())
        ]
        return Response({"messages": messages})
