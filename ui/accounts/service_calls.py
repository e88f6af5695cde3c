"""Asking a service that signs people in: however it answers, it takes little time and memory."""

import time
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from requests import ConnectionError as NoConnection
from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from accounts.outgoing.addresses import AddressRefused
from accounts.outgoing.client import Answer, CallFailed, call, permission

CALL_SECONDS: Final = 10
LARGEST_ANSWER: Final = 1024 * 1024  # bytes
_REDIRECTS: Final = 3


class AnswerTooLarge(RequestException):
    pass


class ServiceSession(Session):
    """A session of requests whose calls end, each within ``CALL_SECONDS`` and ``LARGEST_ANSWER``.

    A redirect is followed only from what carries no secret, and never away from https. The hosts
    of ``OIDC_SERVER`` may be private: an administrator named them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter())

    def request(self, method: str | bytes, url: str | bytes, **options: Any) -> Response:  # type: ignore[override]
        """Raises ``requests.RequestException``."""
        options.pop("allow_redirects", None)
        address, may_follow = str(url), method == "GET" and "headers" not in options
        until = time.monotonic() + CALL_SECONDS
        for _ in range(_REDIRECTS + 1):
            answer = super().request(
                str(method),
                address,
                **options,
                allow_redirects=False,
                timeout=max(until - time.monotonic(), 0),
            )
            if not (may_follow and answer.is_redirect):
                return answer
            address = _next_address(answer)
        raise RequestException(f"{url!r} redirects too often")


class _Adapter(BaseAdapter):
    def send(self, request: PreparedRequest, *_: Any, timeout: Any = None, **__: Any) -> Response:
        body: Any = request.body or b""
        try:
            answer = call(
                str(request.method),
                str(request.url),
                body=body.encode() if isinstance(body, str) else bytes(body),
                headers={str(name): str(value) for name, value in request.headers.items()},
                allowed=permission(hosts=_named_hosts()),
                seconds=float(timeout),
                most_bytes=LARGEST_ANSWER,
            )
        except (AddressRefused, CallFailed) as error:
            raise NoConnection(f"{request.url}: {error}", request=request) from error
        if not answer.is_whole:
            raise AnswerTooLarge(f"{request.url} answers more than {LARGEST_ANSWER} bytes")
        return _response(request, answer)

    def close(self) -> None:
        """Nothing is kept open."""


def _named_hosts() -> frozenset[str]:
    apps = settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", ())
    return frozenset(urlsplit(app["settings"]["server_url"]).hostname or "" for app in apps)


def _response(request: PreparedRequest, answer: Answer) -> Response:
    response = Response()
    response.status_code = answer.status
    response.reason = answer.reason
    response.headers = CaseInsensitiveDict(answer.headers)
    response.url = str(request.url)
    response.request = request
    response._content = answer.body
    return response


def _next_address(answer: Response) -> str:
    address = urljoin(answer.url, answer.headers["Location"])
    if urlsplit(answer.url).scheme == "https" and urlsplit(address).scheme != "https":
        raise RequestException(f"{answer.url} redirects away from https")
    return address
