"""What of ``/api/v1/`` is about no repository: announcements, and every route that there is not."""

from typing import Any

from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from artifacts.oci.errors import RouteUnknown
from registry.announcements.current import current_announcements
from registry.api.distribution.base import IgnoreAccept, MethodNotAllowed
from registry.api.management.base import exception_handler


class _View(APIView):
    renderer_classes = [JSONRenderer]
    content_negotiation_class = IgnoreAccept

    def get_exception_handler(self) -> Any:
        return exception_handler


class UnknownView(_View):
    """Every other path below ``/api/``, whatever the method."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise RouteUnknown(f"there is no endpoint {request.path[:200]}")


class MessagesView(_View):
    """``GET /api/v1/messages``: announcements, in Quay's words. Everybody may read them."""

    http_method_names = ["get", "head", "options"]

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

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        raise MethodNotAllowed(["GET", "HEAD"], str(request.method))

    options = http_method_not_allowed
