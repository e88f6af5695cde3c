"""A client of Docker's first registry protocol, written from its description: pull, push and login.

Docker before 1.6 pulled in this order: ping, images (for a token), tags, one tag, and then
ancestry, JSON, HEAD and GET of the layer of each image.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Headers = Mapping[str, str]
Send = Callable[[str, str, Headers, bytes], tuple[int, Headers, bytes]]


class Refused(Exception):
    """An answer that a V1 client cannot go on with."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} {body[:500]!r}")
        self.status = status
        self.body = body


@dataclass(frozen=True)
class V1Image:
    """One image, which is one layer: what it says and the bytes."""

    id: str
    said: Mapping[str, Any]
    layer: bytes


@dataclass
class V1Client:
    """``send`` carries one request; ``basic`` is the value of ``Authorization``, or empty."""

    send: Send
    basic: str = ""
    token: str = field(default="", init=False)

    def pull(self, repository: str, tag: str) -> list[V1Image]:
        """Every image of a tag, newest first."""
        self.ping()
        self.ask_token(repository)
        tags = self.json(f"/v1/repositories/{repository}/tags")
        top = self.json(f"/v1/repositories/{repository}/tags/{tag}")
        assert tags[tag] == top
        return [self.image(id_) for id_ in self.json(f"/v1/images/{top}/ancestry")]

    def push(self, repository: str, tag: str, *images: V1Image) -> None:
        """Images, oldest first, and a tag for the last of them."""
        listed = json.dumps([{"id": image.id} for image in images]).encode()
        headers = {"X-Docker-Token": "true", **self._login}
        begun = self.put(f"/v1/repositories/{repository}/", listed, 201, headers)
        self.token = begun["x-docker-token"]
        for image in images:
            self.push_image(image)
        name = json.dumps(images[-1].id).encode()
        self.put(f"/v1/repositories/{repository}/tags/{tag}", name)
        self.put(f"/v1/repositories/{repository}/images", listed, 204)

    def push_image(self, image: V1Image) -> None:
        path = f"/v1/images/{image.id}"
        self.put_said(image)
        self.put(f"{path}/layer", image.layer)
        checksum = f"sha256:{hashlib.sha256(image.layer).hexdigest()}"
        self.put(
            f"{path}/checksum", headers={**self._granted, "X-Docker-Checksum-Payload": checksum}
        )

    def put_said(self, image: V1Image) -> None:
        self.put(f"/v1/images/{image.id}/json", json.dumps(image.said).encode())

    def put(
        self, path: str, body: bytes = b"", status: int = 200, headers: Headers | None = None
    ) -> Headers:
        answered, said, answer = self.send("PUT", path, headers or self._granted, body)
        if answered != status:
            raise Refused(answered, answer)
        return _lower(said)

    def ping(self) -> None:
        _, headers, body = self.get("/v1/_ping", {})
        assert json.loads(body) is True
        assert headers["x-docker-registry-version"] == "0.6.0"
        assert headers["x-docker-registry-standalone"] == "0"

    def ask_token(self, repository: str) -> None:
        headers = {"X-Docker-Token": "true", **self._login}
        _, answered, body = self.get(f"/v1/repositories/{repository}/images", headers)
        assert json.loads(body) == []
        assert answered["x-docker-endpoints"]
        assert answered["www-authenticate"] == answered["x-docker-token"]
        self.token = answered["x-docker-token"]

    def image(self, id_: str) -> V1Image:
        said = self.json(f"/v1/images/{id_}/json")
        assert said["id"] == id_
        _, announced, nothing = self._checked("HEAD", f"/v1/images/{id_}/layer", self._granted)
        _, _, layer = self.get(f"/v1/images/{id_}/layer", self._granted)
        assert nothing == b""
        assert int(announced["content-length"]) == len(layer)
        return V1Image(id_, said, layer)

    def json(self, path: str) -> Any:
        return json.loads(self.get(path, self._granted)[2])

    def get(self, path: str, headers: Headers) -> tuple[int, Headers, bytes]:
        return self._checked("GET", path, headers)

    def login(self, username: str, password: str) -> str:
        """What the registry says to somebody who signs up under a name that is theirs already."""
        form = json.dumps({"username": username, "password": password}).encode()
        return self.send("POST", "/v1/users/", {"Content-Type": "application/json"}, form)[
            2
        ].decode()

    @property
    def _login(self) -> Headers:
        return {"Authorization": self.basic} if self.basic else {}

    @property
    def _granted(self) -> Headers:
        return {"Authorization": f"Token {self.token}"}

    def _checked(self, method: str, path: str, headers: Headers) -> tuple[int, Headers, bytes]:
        status, answered, body = self.send(method, path, headers, b"")
        if status != 200:
            raise Refused(status, body)
        return status, _lower(answered), body


def _lower(headers: Headers) -> Headers:
    return {name.lower(): value for name, value in headers.items()}
