"""``/v2/`` itself (end-1), the key set, and everything that is no endpoint."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils import timezone
from rest_framework.request import Request

from accounts.credentials.keys import jwks
from registry.api.distribution.base import DistributionView
from registry.api.distribution.reads import ping_answer
from registry.api.http.views import UnknownRoute


class RootView(DistributionView):
    """Tells that this is a registry, to whom it knows. Clients log in by asking here."""

    def get(self, request: Request) -> HttpResponseBase:
        return self.answered(ping_answer(self.identify(request), self.now))


class UnknownView(UnknownRoute, DistributionView):
    """Every other path below ``/v2/``."""


def key_set(request: HttpRequest) -> JsonResponse:
    """The public halves of the keys that sign our tokens (RFC 7517)."""
    age = min(settings.BERTH.TOKEN_LIFETIME_SECONDS, 300)
    return JsonResponse(
        jwks(now=timezone.now()), headers={"Cache-Control": f"public, max-age={age}"}
    )
