"""The question of signatures that comes before a manifest is handed out."""

from datetime import datetime

from rest_framework.request import Request

from registry.access.callers import Caller
from registry.access.rights import rights_in
from registry.repositories.models import Repository, SignatureRequirement
from registry.verification.pulls import admit_pull

#: What signing tools call themselves.
_SIGNERS = ("cosign/", "notation/")


def require_signature(
    *, request: Request, caller: Caller, repository: Repository, digest: str, now: datetime
) -> None:
    """Let a request for a manifest pass, or raise ``SignatureRequired``.

    Only GET is refused: an answer to HEAD has no room for the reason, and the GET that follows
    has. To sign a manifest is to read it first, so a signing tool of somebody who may push, and
    thereby put anything here, is let through.
    """
    if repository.signature_requirement == SignatureRequirement.NONE or request.method == "HEAD":
        return
    if request.META.get("HTTP_USER_AGENT", "").startswith(_SIGNERS):
        principal = caller.confirmed(now=now)
        if "push" in rights_in(principal=principal, path=repository.path, repository=repository):
            return
    admit_pull(repository=repository, digest=digest, now=now)
