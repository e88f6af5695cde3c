"""What a conditional push asks of the manifest that is there already."""

from dataclasses import dataclass

from artifacts.oci.errors import PreconditionFailed


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of what is there for a request to happen: RFC 9110, 13.1.1 and 13.1.2.

    ``None`` where the header is absent. ``"*"`` stands for any digest.
    """

    if_match: frozenset[str] | None = None
    if_none_match: frozenset[str] | None = None

    def check(self, current: str | None) -> None:
        """Let a push pass or raise ``PreconditionFailed``."""
        self.check_match(current)
        if self.excludes(current):
            raise PreconditionFailed(f"If-None-Match: the current manifest is {current}")

    def check_match(self, current: str | None) -> None:
        if self.if_match is not None and not _names(self.if_match, current):
            raise PreconditionFailed(f"If-Match: the current manifest is {current or 'none'}")

    def excludes(self, current: str | None) -> bool:
        """Whether ``If-None-Match`` names what is there: a reader has it, a pusher minds it."""
        return self.if_none_match is not None and _names(self.if_none_match, current)


UNCONDITIONAL = Condition()


def _names(tags: frozenset[str], current: str | None) -> bool:
    return current is not None and ("*" in tags or current in tags)
