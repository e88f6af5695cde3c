"""How clients call what a page shows."""

from dataclasses import dataclass
from urllib.parse import quote

from django.http import HttpRequest

from accounts.origin import external_url


@dataclass(frozen=True, slots=True)
class Address:
    """A manifest from outside.

    ``tag`` is empty where only the digest leads to it; ``login`` is a name to log in with,
    empty where nobody has to.
    """

    url: str
    path: str
    digest: str
    tag: str = ""
    login: str = ""

    @classmethod
    def of(
        cls, request: HttpRequest, *, path: str, digest: str, tag: str = "", login: str = ""
    ) -> "Address":
        url = external_url(request.META, scheme=str(request.scheme))
        return cls(url, path, digest, tag, login)

    @property
    def host(self) -> str:
        return self.url.partition("//")[2]

    @property
    def is_secure(self) -> bool:
        return self.url.startswith("https:")

    @property
    def name(self) -> str:
        """The last component of the repository's path."""
        return self.path.rpartition("/")[2]

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
