"""The question of signatures that comes before a manifest is handed out."""

from datetime import datetime

from rest_framework.request import Request

from registry.access.callers import Caller
from registry.access.rights import rights_in
from registry.repositories.models import Repository, SignatureRequirement
from registry.verification.pulls import Reader, admit_pull


def require_signature(
    *,
    request: Request,
    caller: Caller,
    repository: Repository,
    digest: str,
    by_tag: bool,
    now: datetime,
) -> None:
    """Let a request for a manifest pass, or raise ``SignatureRequired``.

    Only GET is refused: an answer to HEAD has no room for the reason, and the GET that follows
    has.
    """
    if repository.signature_requirement == SignatureRequirement.NONE or request.method == "HEAD":
        return

    def may_push() -> bool:
        principal = caller.confirmed(now=now)
        return "push" in rights_in(principal=principal, path=repository.path, repository=repository)

    reader = Reader(name=caller.principal.name, by_tag=by_tag, may_push=may_push)
    admit_pull(repository=repository, digest=digest, now=now, reader=reader)
