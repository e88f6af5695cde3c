"""Logs in as a registry asks for it: nothing, Basic, or a bearer token kept until it ages."""

import base64
import json
import re
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from .connection import Address, Connection, UnexpectedAnswerError, expect

DEFAULT_LIFETIME_SECONDS = 60  # where the answer does not say, by the token specification


@dataclass
class Login:
    """Who measures, and the token that the registry gave for it."""

    address: Address
    user: str = ""
    password: str = ""
    _authorization: str | None = field(default=None, init=False)
    _good_until: float = field(default=0.0, init=False)

    def authorization(self, repository: str) -> str | None:
        """The header's value for pushes to and pulls from one repository."""
        if time.monotonic() >= self._good_until:
            self._renew(repository)
        return self._authorization

    def _renew(self, repository: str) -> None:
        with Connection(self.address) as connection:
            answer = expect(connection.request("GET", "/v2/"), 200, 401)
        challenge = answer.header("WWW-Authenticate") or ""
        if answer.status == 200:
            self._authorization, lifetime = None, float("inf")
        elif challenge.lower().startswith("basic"):
            self._authorization, lifetime = self._basic(), float("inf")
        else:
            token, lifetime = self._fetch(challenge, repository)
            self._authorization = f"Bearer {token}"
        # Half a life is far more than one measure takes.
        self._good_until = time.monotonic() + lifetime / 2

    def _fetch(self, challenge: str, repository: str) -> tuple[str, float]:
        said = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        if "realm" not in said:
            raise UnexpectedAnswerError(f"a challenge that names no realm: {challenge!r}")
        query = {"scope": f"repository:{repository}:pull,push"}
        if "service" in said:
            query["service"] = said["service"]
        realm = urlsplit(said["realm"])
        address = Address.of(said["realm"], ca_file=self.address.ca_file)
        with Connection(address, authorization=self._basic()) as connection:
            answer = expect(connection.request("GET", f"{realm.path}?{urlencode(query)}"), 200)
        document = json.loads(answer.body)
        token = document.get("token") or document["access_token"]
        return token, float(document.get("expires_in", DEFAULT_LIFETIME_SECONDS))

    def _basic(self) -> str | None:
        if not self.user:
            return None
        pair = f"{self.user}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode()
