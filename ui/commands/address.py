"""How clients call this registry and what is in it, and what each must be told besides."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import quote

from django.http import HttpRequest

from accounts.origin import external_url

# With what a tool speaks to a registry that has no TLS. Docker is told in a file of its daemon's.
_WITHOUT_TLS: Final[Mapping[str, str]] = {
    "apptainer": "--no-https",
    "conftest": "--tls=false",
    "cosign": "--allow-http-registry",
    "crane": "--insecure",
    "helm": "--plain-http",
    "ollama": "--insecure",
    "oras": "--plain-http",
    "oras copy": "--from-plain-http",
    "podman": "--tls-verify=false",
    "skopeo": "--tls-verify=false",
    "skopeo copy": "--src-tls-verify=false",
    "skopeo copy to": "--dest-tls-verify=false",
}
# These take one on this machine for such a registry, unless they are told otherwise.
_WITH_TLS_HERE: Final[Mapping[str, str]] = {
    "conftest": "--tls=true",
    "oras": "--plain-http=false",
    "oras copy": "--from-plain-http=false",
}
_HERE: Final = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Registry:
    """This registry from outside, with a scheme and without a path.

    ``options`` are what tools must be told about it besides, by their names: where its own
    certificate is, say.
    """

    url: str
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        return cls(external_url(request.META, scheme=str(request.scheme)))

    @property
    def host(self) -> str:
        return self.url.partition("//")[2]

    @property
    def is_secure(self) -> bool:
        return self.url.startswith("https:")

    def option(self, tool: str) -> str:
        """What stands behind the tool's command, with a blank before it; or nothing."""
        option = self.options.get(tool, self._about_tls(tool))
        return f" {option}" if option else ""

    def _about_tls(self, tool: str) -> str:
        if not self.is_secure:
            return _WITHOUT_TLS.get(tool, "")
        return _WITH_TLS_HERE.get(tool, "") if _HERE.fullmatch(self.host) else ""

    @property
    def docker_note(self) -> str:
        if self.is_secure:
            return ""
        return (
            f"Docker speaks to {self.host} without TLS only when its daemon.json lists"
            f' "{self.host}" under "insecure-registries"; localhost needs no such entry.'
        )


@dataclass(frozen=True, slots=True)
class Address:
    """A manifest from outside.

    ``tag`` is empty where only the digest leads to it; ``login`` is a name to log in with,
    empty where nobody has to.
    """

    registry: Registry
    path: str
    digest: str
    tag: str = ""
    login: str = ""

    @property
    def host(self) -> str:
        return self.registry.host

    @property
    def name(self) -> str:
        """The last component of the repository's path."""
        return self.path.rpartition("/")[2]

    @property
    def namespace(self) -> str:
        return self.path.partition("/")[0]

    @property
    def repository(self) -> str:
        return f"{self.host}/{self.path}"

    @property
    def by_tag(self) -> str:
        return f"{self.repository}:{self.tag}"

    @property
    def by_digest(self) -> str:
        return f"{self.repository}@{self.digest}"

    @property
    def purl(self) -> str:
        """Source: the purl specification, type ``oci``."""
        tag = f"&tag={quote(self.tag, safe='')}" if self.tag else ""
        where = quote(self.repository, safe="/:")
        return f"pkg:oci/{self.name}@{quote(self.digest, safe='')}?repository_url={where}{tag}"
