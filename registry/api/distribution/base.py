"""The base of every view under ``/v2/``."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from artifacts.oci.errors import NameUnknown, Unauthorized, Unsupported
from registry.access.callers import Caller
from registry.access.scopes import Action
from registry.api.distribution.bodies import RequestBody
from registry.api.distribution.challenges import address_of, identify
from registry.api.distribution.errors import API_VERSION, exception_handler
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path
from registry.repositories.services import find_or_create_repository


class IgnoreAccept(BaseContentNegotiation):
    """Clients list manifest types in ``Accept``; DRF would answer 406 to them all."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class DistributionView(APIView):
    """What all of ``/v2/`` shares: JSON answers, honest failures, whole bodies."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete", "options", "trace"]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = IgnoreAccept
    challenge_scope = ""
    now: datetime

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        self.now = timezone.now()
        drf_request: Request = super().initialize_request(request, *args, **kwargs)
        self.body = RequestBody(drf_request)
        return drf_request

    def get_exception_handler(self) -> Any:
        return exception_handler

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        raise MethodNotAllowed(self.allowed_methods, str(request.method))

    options = http_method_not_allowed

    @property
    def allowed_methods(self) -> list[str]:
        return [m.upper() for m in self.http_method_names if hasattr(self, m) and m != "options"]

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        self.body.end()
        for name, value in API_VERSION.items():
            response.headers.setdefault(name, value)
        finalized: Response = super().finalize_response(request, response, *args, **kwargs)
        return finalized


class MethodNotAllowed(Unsupported):
    def __init__(self, allowed: Iterable[str], method: str) -> None:
        self.allowed = ", ".join(allowed)
        super().__init__(f"{method[:20]} is not supported here; use {self.allowed}")

    def headers(self) -> dict[str, str]:
        return {"Allow": self.allowed}


class RepositoryView(DistributionView):
    """Settles who calls, whether they may, and on which repository, before any handler runs."""

    actions: ClassVar[Mapping[str, Action]]  # HTTP method -> right its caller needs
    asks_for: ClassVar[Mapping[str, str]] = {}  # HTTP method -> scope of its challenge, if larger
    creates: ClassVar[frozenset[str]] = frozenset()  # methods that a first push begins with
    caller: Caller
    path: str

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        method = str(request.method)
        self.path = repository_path(kwargs["name"])
        if method not in self.actions:
            self.http_method_not_allowed(request)
        action = self.actions[method]
        self.challenge_scope = f"repository:{kwargs['name']}:{self._asked(method, action)}"
        caller = identify(request, now=self.now)
        if caller is None:
            raise Unauthorized
        self.caller = caller
        self._repository = Repository.objects.at_path(self.path)
        caller.require(action, self.path, self._repository, now=self.now)
        self._may_create = method in self.creates
        self._address = address_of(request)

    @property
    def repository_exists(self) -> bool:
        return self._repository is not None

    @property
    def repository(self) -> Repository:
        """The repository of the request. The first push creates it, here and not before."""
        if self._repository is None:
            if not self._may_create:
                raise NameUnknown(f"there is no repository {self.path}", name=self.path)
            self._repository = find_or_create_repository(
                path=self.path,
                creator=self.caller.principal,
                is_public=not settings.CREATE_PRIVATE_REPO_ON_PUSH,
                now=self.now,
                address=self._address,
            )
        return self._repository

    @property
    def allowed_methods(self) -> list[str]:
        return list(self.actions)

    def _asked(self, method: str, action: Action) -> str:
        return self.asks_for.get(method) or {"pull": "pull", "push": "pull,push"}.get(
            action, f"pull,{action}"
        )
