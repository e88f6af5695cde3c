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
    """Who measures, and the tokens that the registry gave for it."""

    address: Address
    user: str = ""
    password: str = ""
    # By repository: the header's value, and until when it is good.
    _values: dict[str, tuple[str | None, float]] = field(default_factory=dict, init=False)

    def authorization(self, repository: str) -> str | None:
        """The header's value for pushes to and pulls from one repository."""
        value, good_until = self._values.get(repository, (None, 0.0))
        if time.monotonic() >= good_until:
            value, lifetime = self._renewed(repository)
            # Half a life is far more than one measure takes.
            self._values[repository] = value, time.monotonic() + lifetime / 2
        return value

    def token_path(self, repository: str) -> str | None:
        """Where tokens for pushes and pulls come from; ``None`` where a login needs none."""
        if not (challenge := self._challenge()).lower().startswith("bearer"):
            return None
        realm, query = _where(challenge, repository)
        return f"{urlsplit(realm).path}?{query}"

    def _challenge(self) -> str:
        with Connection(self.address) as connection:
            answer = expect(connection.request("GET", "/v2/"), 200, 401)
        return answer.header("WWW-Authenticate") or ""

    def _renewed(self, repository: str) -> tuple[str | None, float]:
        challenge = self._challenge()
        if not challenge:
            return None, float("inf")
        if challenge.lower().startswith("basic"):
            return self.basic(), float("inf")
        token, lifetime = self._fetch(challenge, repository)
        return f"Bearer {token}", lifetime

    def _fetch(self, challenge: str, repository: str) -> tuple[str, float]:
        realm, query = _where(challenge, repository)
        address = Address.of(realm, ca_file=self.address.ca_file)
        with Connection(address, authorization=self.basic()) as connection:
            answer = expect(connection.request("GET", f"{urlsplit(realm).path}?{query}"), 200)
        document = json.loads(answer.body)
        token = document.get("token") or document["access_token"]
        return token, float(document.get("expires_in", DEFAULT_LIFETIME_SECONDS))

    def basic(self) -> str | None:
        """The header's value for a login with the password."""
        if not self.user:
            return None
        pair = f"{self.user}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode()


def _where(challenge: str, repository: str) -> tuple[str, str]:
    """The address that tokens are asked for at, and the query that asks for one."""
    parameters = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    if "realm" not in parameters:
        raise UnexpectedAnswerError(f"a challenge that names no realm: {challenge!r}")
    query = {"scope": f"repository:{repository}:pull,push"}
    if "service" in parameters:
        query["service"] = parameters["service"]
    return parameters["realm"], urlencode(query)
