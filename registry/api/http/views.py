"""The bases of every view for programs: who calls, what they may, where failures go.

Of REST framework they take views, requests, answers and serializers. What a client accepts, how
bodies come and how failures look is not its to say: clients of registries break its rules.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from artifacts.oci.errors import NameUnknown, OCIError, RouteUnknown, Unsupported
from registry.access.callers import Caller
from registry.access.scopes import Action
from registry.api.http.bodies import RequestBody
from registry.api.http.failures import failure_of
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path
from registry.repositories.services import find_or_create_repository


class IgnoreAccept(BaseContentNegotiation):
    """Clients list manifest types in ``Accept``; REST framework would answer 406 to them all."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class MethodNotAllowed(Unsupported):
    def __init__(self, allowed: Iterable[str], method: str) -> None:
        self.allowed = ", ".join(allowed)
        super().__init__(f"{method[:20]} is not supported here; use {self.allowed}")

    def headers(self) -> dict[str, str]:
        return {"Allow": self.allowed}


class View(APIView):
    """What all doors share: one moment for a request, whole bodies, honest failures."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete", "options", "trace"]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = IgnoreAccept
    door_headers: ClassVar[Mapping[str, str]] = {}  # of every answer
    now: datetime

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None: what else may be asked stands in the answer to what may not, 405."""
        return {}

    def refusal(self, error: OCIError, request: Request) -> HttpResponse:
        """``error`` in the form of the door."""
        raise NotImplementedError

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        self.now = timezone.now()
        drf_request: Request = super().initialize_request(request, *args, **kwargs)
        self.body = RequestBody(drf_request)
        return drf_request

    def handle_exception(self, exc: Exception) -> Any:
        return self.refusal(failure_of(exc, self.request), self.request)

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        raise MethodNotAllowed(self.allowed_methods, str(request.method))

    options = http_method_not_allowed

    @property
    def allowed_methods(self) -> list[str]:
        return [m.upper() for m in self.http_method_names if hasattr(self, m) and m != "options"]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        self.body.end()
        for name, value in self.door_headers.items():
            response.headers.setdefault(name, value)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:  # RFC 9110, 15.5.6
            others = [method for method in self.allowed_methods if method != request.method]
            response.headers.setdefault("Allow", ", ".join(others))
        if response.status_code == HTTPStatus.NOT_MODIFIED:  # Django calls the nothing in it HTML
            response.headers.pop("Content-Type", None)
        return super().finalize_response(request, response, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """What is settled before any handler runs: nothing, unless a view says so."""


class UnknownRoute:
    """Every other path of a door, whatever the method. Stands before its base."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise RouteUnknown(f"there is no endpoint {request.path[:200]}")


class RepositoryView(View):
    """Settles who calls, whether they may, and on which repository, before any handler runs."""

    actions: ClassVar[Mapping[str, Action]]  # HTTP method -> right its caller needs
    creates: ClassVar[frozenset[str]] = frozenset()  # methods that a first push begins with
    needs_repository: ClassVar[bool] = True
    caller: Caller
    path: str

    def identify(self, request: Request) -> Caller:
        """Who calls, in the way of the door. Raises ``Unauthorized``."""
        raise NotImplementedError

    def require(self, action: Action) -> None:
        """Let the caller pass or raise."""
        self.caller.require(action, self.path, self._repository, now=self.now)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        method = str(request.method)
        self.path = repository_path(kwargs["name"])
        if method not in self.actions:
            self.http_method_not_allowed(request)
        self.caller = self.identify(request)
        self._repository = Repository.objects.at_path(self.path)
        self.require(self.actions[method])
        self._may_create = method in self.creates
        if self._repository is None and self.needs_repository and not self._may_create:
            raise NameUnknown(f"there is no repository {self.path}", name=self.path)

    @property
    def allowed_methods(self) -> list[str]:
        return list(self.actions)

    @property
    def repository(self) -> Repository:
        """The repository of the request. The first push creates it, here and not before."""
        if self._repository is None:
            if not self._may_create:
                raise NameUnknown(f"there is no repository {self.path}", name=self.path)
            self._repository = find_or_create_repository(
                path=self.path,
                creator=self.caller.principal,
                is_public=not settings.BERTH.CREATE_PRIVATE_REPO_ON_PUSH,
                now=self.now,
                address=self.caller.address,
            )
        return self._repository

    @property
    def repository_exists(self) -> bool:
        return self._repository is not None
