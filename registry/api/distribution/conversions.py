"""Other forms of a manifest than the stored one, for clients that read no other."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from registry.manifests.reads import ResolvedManifest
from registry.repositories.models import Repository


class Convert(Protocol):
    def __call__(
        self,
        headers: Mapping[str, str],
        *,
        repository: Repository,
        manifest: ResolvedManifest,
        name: str,
        tag: str,
        now: datetime,
    ) -> ResolvedManifest:
        """``manifest``, which ``tag`` stands for, or another form of it for this client.

        Args:
            headers: of the request, by their names in lower case.
            manifest: with or without its body.
            name: the repository as the client called it, which goes into what it gets.

        Raises ``ManifestUnknown`` that says why there is no such form.
        """


class Conversion(NamedTuple):
    """``may_be_due`` tells from the headers alone, before anything is found."""

    may_be_due: Callable[[Mapping[str, str]], bool]
    convert: Convert


CONVERSIONS: list[Conversion] = []  # whoever knows one puts it in, when Berth starts
