"""A look at the registry past every client: what it stores, byte for byte."""

import base64
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from email.message import Message
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.clients.content import OCI_MANIFEST, Image, digest

TIMEOUT_SECONDS = 30
MANIFEST_TYPES = ", ".join(
    [
        OCI_MANIFEST,
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
)


@dataclass(frozen=True)
class Login:
    """A name and what proves it."""

    name: str
    password: str


@dataclass(frozen=True)
class RawRegistry:
    """The registry as plain HTTP shows it to the owner of everything the tests push."""

    url: str
    host: str
    ca_file: Path | None
    owner: Login

    def manifest(self, repository: str, reference: str) -> bytes:
        return self._get(repository, f"manifests/{reference}")

    def document(self, repository: str, reference: str) -> dict[str, Any]:
        """A manifest, parsed."""
        parsed: dict[str, Any] = json.loads(self.manifest(repository, reference))
        return parsed

    def blob(self, repository: str, blob_digest: str) -> bytes:
        return self._get(repository, f"blobs/{blob_digest}")

    def tags(self, repository: str) -> list[str]:
        tags: list[str] = json.loads(self._get(repository, "tags/list"))["tags"]
        return tags

    def referrers(self, repository: str, subject: str) -> list[dict[str, Any]]:
        """Descriptors of what refers to the manifest with the digest ``subject``."""
        listed: list[dict[str, Any]] = json.loads(self._get(repository, f"referrers/{subject}"))[
            "manifests"
        ]
        return listed

    def has(self, repository: str, reference: str) -> bool:
        try:
            self.manifest(repository, reference)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:
                return False
            raise
        return True

    def push(self, repository: str, tag: str, image: Image) -> Image:
        """Push an image, for the clients that need one to be there."""
        token = self._token(repository)
        for blob in (image.layer, image.config):
            headers, _ = self._send("POST", f"/v2/{repository}/blobs/uploads/", token, b"")
            upload = headers["Location"]
            mark = "&" if "?" in upload else "?"
            self._send("PUT", f"{upload}{mark}digest={digest(blob)}", token, blob)
        path = f"/v2/{repository}/manifests/{tag}"
        self._send("PUT", path, token, image.manifest, OCI_MANIFEST)
        return image

    def _get(self, repository: str, path: str) -> bytes:
        return self._send("GET", f"/v2/{repository}/{path}", self._token(repository))[1]

    def _token(self, repository: str) -> str:
        """The owner's authorization for one repository."""
        pair = f"{self.owner.name}:{self.owner.password}"
        basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
        scope = f"repository:{repository}:pull,push"
        _, answer = self._send("GET", f"{self._token_address}&scope={scope}", basic)
        return f"Bearer {json.loads(answer)['token']}"

    def _send(
        self,
        method: str,
        location: str,
        authorization: str = "",
        body: bytes | None = None,
        media_type: str = "application/octet-stream",
    ) -> tuple[Message, bytes]:
        headers = {"Authorization": authorization, "Accept": MANIFEST_TYPES}
        if body is not None:
            headers["Content-Type"] = media_type
        url = urllib.parse.urljoin(self.url, location)
        request = urllib.request.Request(url, data=body, method=method, headers=headers)
        with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            return response.headers, response.read()

    @cached_property
    def _token_address(self) -> str:
        """Where tokens come from and for which service, as the registry's challenge says."""
        try:
            self._send("GET", "/v2/")
        except urllib.error.HTTPError as error:
            error.close()
            challenge = error.headers["WWW-Authenticate"]
            return re.sub(r'^Bearer realm="(.+?)",service="(.+?)".*$', r"\1?service=\2", challenge)
        raise AssertionError("the registry asks nobody who they are")

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context(cafile=self.ca_file)
        return urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
