"""What the audit trail's actions are called, for people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.utils.dateparse import parse_datetime

MAX_FACT_LENGTH = 300  # characters


@dataclass(frozen=True, slots=True)
class Subject:
    name: str
    icon: str  # of Lucide's


# The part of an action before the first dot: what it is about.
_SUBJECTS: Final[Mapping[str, Subject]] = {
    "manifest": Subject("Manifests", "package"),
    "tag": Subject("Tags", "tag"),
    "repository": Subject("Repositories", "book-open"),
    "repository-grant": Subject("Repositories", "book-open"),
    "organization": Subject("Organizations", "building-2"),
    "namespace": Subject("Organizations", "building-2"),
    "team": Subject("Teams", "users"),
    "team-member": Subject("Teams", "users"),
    "default-permission": Subject("Teams", "users"),
    "access": Subject("Access", "shield-x"),
    "user": Subject("People", "user"),
    "robot": Subject("Robots", "bot"),
    "token": Subject("Tokens", "key-round"),
    "access-token": Subject("Tokens", "key-round"),
    "application": Subject("Tokens", "key-round"),
    "public-key": Subject("Signing keys", "badge-check"),
    "signing-key": Subject("Signing keys", "badge-check"),
    "retention": Subject("Rules", "list-checks"),
    "retention-rule": Subject("Rules", "list-checks"),
    "immutability": Subject("Rules", "list-checks"),
    "immutability-rule": Subject("Rules", "list-checks"),
    "artifact-policy": Subject("Rules", "list-checks"),
    "blob": Subject("Blobs", "layers"),
    "log": Subject("Logs", "download"),
    "setting": Subject("Settings", "settings"),
    "announcement": Subject("Announcements", "megaphone"),
}
_OTHER = Subject("Other", "activity")

_PHRASES: Final[Mapping[str, str]] = {
    "access.refuse": "was refused access to",
    "manifest.push": "pushed",
    "manifest.refuse": "was refused to push",
    "manifest.delete": "deleted the manifest",
    "manifest.label.add": "put a label on the manifest",
    "manifest.label.delete": "took a label off the manifest",
    "blob.delete": "deleted the blob",
    "blob.mount": "mounted blobs of another repository into",
    "tag.move": "moved the tag",
    "tag.delete": "deleted the tag",
    "tag.delete-for-good": "deleted for good the tag",
    "tag.restore": "restored the tag",
    "tag.expiry": "changed the expiry of the tag",
    "tag.immutable": "changed the immutability of the tag",
    "repository.create": "created the repository",
    "repository.delete": "deleted the repository",
    "repository.undelete": "brought back the repository",
    "repository.remove": "removed for good the repository",
    "repository.description": "changed the description of",
    "repository.grant": "gave a role in",
    "repository.revoke": "took away a role in",
    "repository.visibility": "changed the visibility of",
    "repository.state": "changed whether it is read-only: the repository",
    "repository.policy.select": "chose an artifact policy for",
    "repository.signatures": "changed whether pulls need a signature in",
    "organization.create": "created the organization",
    "organization.open": "opened as its administrator, being one of the registry,",
    "organization.delete": "deleted the organization",
    "organization.description": "changed the description of",
    "organization.email.change": "changed the e-mail address of",
    "organization.policy.select": "chose an artifact policy for",
    "namespace.time-machine": "changed the time machine of",
    "team.create": "created a team in",
    "team.delete": "deleted a team of",
    "team.description": "changed the description of a team of",
    "team.role.change": "changed the role of a team of",
    "team.invitation.send": "asked somebody to join a team of",
    "team.invitation.decline": "declined to join a team of",
    "team.invitation.withdraw": "withdrew an invitation into a team of",
    "team.member.add": "added a member to a team of",
    "team.member.remove": "removed a member from a team of",
    "team.member.leave": "left a team of",
    "default-permission.set": "set a default permission in",
    "default-permission.delete": "deleted a default permission of",
    "user.create": "created the account",
    "user.delete": "deleted the account",
    "user.disable": "disabled the account",
    "user.enable": "enabled the account",
    "user.email.change": "changed the e-mail address of",
    "user.sign-in": "signed in to",
    "user.sign-in.fail": "failed to sign in to",
    "user.sign-out": "signed out of",
    "user.login": "logged in with a client as",
    "user.sessions.end": "signed other browsers out of",
    "user.second-factor.add": "set up a second factor of",
    "user.second-factor.remove": "removed a second factor of",
    "user.second-factor.reset": "made new recovery codes for",
    "user.second-factor.fail": "gave a wrong code for",
    "user.service.connect": "connected another service to",
    "user.service.disconnect": "disconnected another service from",
    "user.password.change": "changed the password of",
    "user.policy.select": "chose an artifact policy for",
    "user.superuser.grant": "made an administrator of",
    "user.superuser.revoke": "took the administrator's rights from",
    "user.token.issue": "made an application token for",
    "robot.create": "created the robot",
    "robot.delete": "deleted the robot",
    "robot.disable": "disabled the robot",
    "robot.enable": "enabled the robot",
    "robot.description": "changed the description of the robot",
    "robot.login": "logged in with a client as",
    "robot.federation": "changed which workloads log in as the robot",
    "robot.token.issue": "made a new token for the robot",
    "token.revoke": "revoked a token of",
    "application.create": "registered an application of",
    "application.change": "changed an application of",
    "application.secret.reset": "made a new secret for an application of",
    "application.delete": "deleted an application of",
    "public-key.register": "added a public key to",
    "public-key.remove": "removed a public key from",
    "signing-key.create": "made the token signing key",
    "signing-key.revoke": "made every token worthless, with a new signing key",
    "signing-key.rotate": "rotated the token signing key to",
    "retention.rules": "changed the retention rules of",
    "retention.run": "applied the retention rules to",
    "retention.run.request": "asked to apply the retention rules to",
    "immutability.rule.add": "added a rule for immutable tags to",
    "immutability.rule.remove": "removed a rule for immutable tags from",
    "setting.change": "changed the setting",
    "setting.reset": "took back the setting",
    "log.export": "exported the log of",
    "announcement.create": "announced",
    "announcement.change": "changed the announcement",
    "announcement.delete": "deleted the announcement",
}
_VERBS = {
    "create": "created",
    "change": "changed",
    "delete": "deleted",
    "pause": "paused",
    "remove": "removed",
    "resume": "resumed",
}


def phrase_of(action: str) -> str:
    """What somebody did, to stand between the actor and the target."""
    if phrase := _PHRASES.get(action):
        return phrase
    what, _, verb = action.rpartition(".")
    return f"{_VERBS.get(verb, verb)} the {what}".replace(".", " ").replace("-", " ")


def subject_of(action: str) -> Subject:
    return _SUBJECTS.get(action.partition(".")[0], _OTHER)


def fact_of(value: object) -> str | datetime:
    """A moment where the trail holds one, to be shown in the reader's zone; else text."""
    try:
        moment = parse_datetime(value) if isinstance(value, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else _text(value)
    except (ValueError, OverflowError):  # a date that there is not, as a name may be one
        return _text(value)


def _text(value: object) -> str:
    text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    return text if len(text) <= MAX_FACT_LENGTH else f"{text[:MAX_FACT_LENGTH]}…"


def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Actions to filter by, in groups."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for action, phrase in _PHRASES.items():
        groups.setdefault(subject_of(action).name, []).append((action, phrase))
    return list(groups.items())


def actions() -> Iterable[str]:
    """All that have words."""
    return _PHRASES.keys()
