"""What can be done to tags: what each change says beforehand, and how it is done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings

from accounts.audit.services import Actor
from accounts.errors import AccountError
from artifacts.oci.errors import OCIError
from registry.access.scopes import Action
from registry.manifests.restoration import delete_tag_for_good
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.tags.services import delete_tag, require_mutable, set_expiry, set_immutable
from registry.tags.time_machine import time_machine_of


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants what done, where and when. ``expires_at`` is for changes of the expiry."""

    repository: Repository
    now: datetime
    by: Actor
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of tags, with the right that it needs.

    ``effect`` says what will happen to a tag, or raises why it will not.
    """

    name: str
    right: Action
    label: str
    icon: str
    done: str  # said afterwards, with {tags} for "3 tags"
    effect: Callable[[Tag, Order], str]
    apply: Callable[[str, Order], object]
    is_dangerous: bool = False

    @property
    def is_offered(self) -> bool:
        if self.name == "erase":
            return bool(settings.PERMANENTLY_DELETE_TAGS)
        return self.name not in {"fix", "free"} or bool(settings.FEATURE_IMMUTABLE_TAGS)


def offered(rights: frozenset[Action]) -> list[Change]:
    return [one for one in CHANGES.values() if one.right in rights and one.is_offered]


def _delete_effect(tag: Tag, order: Order) -> str:
    require_mutable(tag, "deleted")
    until = order.now + time_machine_of(order.repository.namespace)
    if until <= order.now:
        return "Goes, and cannot be restored: the time machine is off."
    return f"Goes, and can be restored until {until:%Y-%m-%d %H:%M} UTC."


def _delete(name: str, order: Order) -> None:
    delete_tag(repository=order.repository, name=name, now=order.now, by=order.by)


def _erase_effect(tag: Tag, order: Order) -> str:
    require_mutable(tag, "deleted")
    return "Goes with its whole history, and cannot be restored by anybody."


def _erase(name: str, order: Order) -> object:
    return delete_tag_for_good(repository=order.repository, name=name, now=order.now, by=order.by)


def _expiry_effect(tag: Tag, order: Order) -> str:
    if not settings.FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE:
        require_mutable(tag, "made to expire")
    if tag.expires_at is None:
        return "Does not expire now."
    return f"Expires on {tag.expires_at:%Y-%m-%d %H:%M} UTC now."


def _set_expiry(name: str, order: Order) -> object:
    return set_expiry(
        repository=order.repository,
        name=name,
        expires_at=order.expires_at,
        now=order.now,
        by=order.by,
    )


def _fix_effect(tag: Tag, order: Order) -> str:
    if tag.is_immutable:
        return "Is immutable already."
    if tag.expires_at and not settings.FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE:
        return "Can no longer be moved or deleted, and does not expire any more."
    return "Can no longer be moved or deleted. An administrator of the repository can undo it."


def _fix(name: str, order: Order) -> object:
    return set_immutable(
        repository=order.repository, name=name, is_immutable=True, now=order.now, by=order.by
    )


def _free_effect(tag: Tag, order: Order) -> str:
    return "Can be moved and deleted again." if tag.is_immutable else "Is not immutable."


def _free(name: str, order: Order) -> object:
    return set_immutable(
        repository=order.repository, name=name, is_immutable=False, now=order.now, by=order.by
    )


def refusal_of(change: Change, tag: Tag, order: Order) -> AccountError | OCIError | None:
    """Why the change will not happen to the tag."""
    try:
        change.effect(tag, order)
    except (AccountError, OCIError) as error:
        return error
    return None


CHANGES: Final[Mapping[str, Change]] = {
    change.name: change
    for change in (
        Change(
            "expire",
            "push",
            "Change expiry",
            "calendar-clock",
            "Expiry changed of {tags}.",
            _expiry_effect,
            _set_expiry,
        ),
        Change(
            "fix", "push", "Make immutable", "lock", "Made immutable: {tags}.", _fix_effect, _fix
        ),
        Change(
            "free",
            "*",
            "Allow changes again",
            "lock-open",
            "Changes allowed again: {tags}.",
            _free_effect,
            _free,
        ),
        Change(
            "delete",
            "delete",
            "Delete",
            "trash-2",
            "Deleted: {tags}.",
            _delete_effect,
            _delete,
            is_dangerous=True,
        ),
        Change(
            "erase",
            "delete",
            "Delete for good",
            "shredder",
            "Deleted for good: {tags}.",
            _erase_effect,
            _erase,
            is_dangerous=True,
        ),
    )
}
