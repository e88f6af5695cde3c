"""Who may see and do what on each page. The table that the routes of the pages are held to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

# What a method of a page asks of its visitor. The repository's words and the namespace's differ,
# so one table serves both.
EVERYBODY, PERSON, ALICE, SUPERUSER = "everybody", "person", "alice", "superuser"
PULL, PUSH, DELETE, REPOSITORY_ADMIN = "pull", "push", "delete", "*"
VISITOR, MEMBER, CREATOR, OWNER = "visitor", "member", "creator", "administrator"

SHOWN = {
    EVERYBODY: "welcome explore search suggestions help styleguide manual manual_page reference"
    " local_application",
    PERSON: "organizations stars notices settings delete_account tokens invitations"
    " new_organization organization_name new_repository authorize",
    ALICE: "token_revocation",
    SUPERUSER: "setup status registry_hooks registry_new_hook registry_hook registry_change_hook"
    " registry_remove_hook registry_delivery system system_people system_person system_new_person"
    " system_organizations system_organization system_announcements system_announcement"
    " system_audit system_audit_export system_settings system_setting",
    PULL: "repository tag tag_names manifest manifest_raw referrers blob image_files layer file"
    " file_raw chart_file public_key tags history signatures compare compare_files compare_file"
    " compare_packages repository_activity",
    PUSH: "change_tags add_tag restore_tag description repository_activity_export",
    DELETE: "forget_tag",
    REPOSITORY_ADMIN: "rules repository_policy repository_policy_change repository_retention"
    " repository_retention_run repository_immutability repository_immutability_remove"
    " signature_requirement access grant repository_settings visibility delete_repository"
    " repository_hooks repository_new_hook repository_hook repository_change_hook"
    " repository_remove_hook repository_delivery repository_names",
    VISITOR: "namespace",
    MEMBER: "teams team members leave",
    OWNER: "namespace_activity namespace_activity_export policy policy_change retention"
    " retention_run time_machine immutability immutability_remove keys key_remove delete_team"
    " robots new_robot robot robot_token delete_robot default_permissions default_permission"
    " namespace_settings delete_organization deleted_repositories deleted_repository"
    " hooks new_hook hook change_hook remove_hook delivery applications application workloads"
    " names",
}
CHANGED = {
    EVERYBODY: "theme tool put_away",
    PERSON: "stars notices settings delete_account tokens invitations new_organization"
    " new_repository authorize",
    ALICE: "token_revocation",
    SUPERUSER: "registry_new_hook registry_hook registry_change_hook registry_remove_hook"
    " system_person system_new_person system_organization system_announcements"
    " system_announcement system_setting",
    PUSH: "change_tags add_tag restore_tag description",
    DELETE: "forget_tag",
    REPOSITORY_ADMIN: "repository_policy_change repository_retention repository_retention_run"
    " repository_immutability repository_immutability_remove signature_requirement access grant"
    " repository_settings visibility delete_repository repository_new_hook repository_hook"
    " repository_change_hook repository_remove_hook",
    MEMBER: "leave",
    OWNER: "policy_change retention retention_run time_machine immutability immutability_remove"
    " keys key_remove teams team team_member delete_team new_robot robot robot_state robot_token"
    " robot_pull_secret delete_robot default_permissions default_permission namespace_settings"
    " delete_organization deleted_repository new_hook hook change_hook remove_hook applications"
    " application application_secret delete_application workloads",
}

_READS = frozenset({VISITOR, PULL})
_WRITES = frozenset({*_READS, PUSH, DELETE})
_ADMINISTERS = frozenset({*_WRITES, REPOSITORY_ADMIN})


class Answer(StrEnum):
    SERVED = "served"
    SIGN_IN = "sent to sign in"
    FORBIDDEN = "forbidden"
    MISSING = "missing"
    NO_METHOD = "no such method"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody, and what they hold in the public and in the private repository of ``acme``."""

    name: str
    login: str
    public: frozenset[str] = _READS
    private: frozenset[str] = frozenset({VISITOR})
    in_namespace: frozenset[str] = frozenset()

    def held(self, *, is_private: bool) -> frozenset[str]:
        signed_in = {PERSON} if self.login else set()
        named = (
            {ALICE} if self.login == "alice" else {SUPERUSER} if self.login == "admin" else set()
        )
        own = self.private if is_private else self.public
        return own | self.in_namespace | signed_in | named | {EVERYBODY}


VISITORS = (
    Visitor("anonymous", ""),
    Visitor("stranger", "frank"),
    Visitor("superuser", "admin"),
    Visitor("member", "dave", private=_READS, in_namespace=frozenset({MEMBER})),
    Visitor("creator", "grace", in_namespace=frozenset({MEMBER, CREATOR})),
    Visitor("reader", "erin", private=_READS),
    Visitor("writer", "bob", public=_WRITES, private=_WRITES),
    Visitor("administrator", "carol", public=_ADMINISTERS, private=_ADMINISTERS),
    Visitor(
        "owner",
        "alice",
        public=_ADMINISTERS,
        private=_ADMINISTERS,
        in_namespace=frozenset({MEMBER, CREATOR, OWNER}),
    ),
)


def table() -> Mapping[str, Mapping[str, str]]:
    """Page → method → what it needs."""
    needs: dict[str, dict[str, str]] = {}
    for method, pages in (("GET", SHOWN), ("POST", CHANGED)):
        for page, need in _rows(pages):
            needs.setdefault(f"ui:{page}", {})[method] = need
    return needs


def expected(
    needs: Mapping[str, str], method: str, visitor: Visitor, *, is_private: bool
) -> Answer:
    """``needs`` is the row of one page. What may not be seen looks like what is not there."""
    held = visitor.held(is_private=is_private)
    words = set(needs.values())
    least = PULL if words & _ADMINISTERS - {VISITOR} else VISITOR
    is_of_a_place = bool(words & (_ADMINISTERS | {MEMBER, CREATOR, OWNER}))
    if is_of_a_place and least not in held:
        return Answer.MISSING
    if method not in needs:
        return Answer.NO_METHOD
    if needs[method] in held:
        return Answer.SERVED
    if not visitor.login:
        return Answer.SIGN_IN
    return Answer.MISSING if needs[method] == ALICE else Answer.FORBIDDEN


def _rows(pages: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for need, names in pages.items():
        for name in names.split():
            yield name, need
