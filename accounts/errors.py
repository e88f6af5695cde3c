"""What can go wrong with names, people and organizations, in words for a person.

Commands and pages show ``str(error)`` as it is: one clear sentence.
"""

from artifacts.refusals import Refusal


class AccountError(Refusal):
    """A refusal in the words of accounts and what they own."""


class NotFirst(AccountError):
    def __init__(self) -> None:
        super().__init__("there is an account already: sign in with it")


class NameTaken(AccountError):
    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name!r} is already taken by a user or an organization")


class NameRefused(AccountError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"the name {name[:80]!r} cannot be used: {reason}")
        self.reason = reason


class EmailRefused(AccountError):
    def __init__(self, email: str) -> None:
        super().__init__(f"{email[:80]!r} is not an e-mail address")


class MetadataRefused(AccountError):
    def __init__(self, most: int) -> None:
        super().__init__(f"the metadata of a robot has at most {most} characters of JSON")


class PasswordRefused(AccountError):
    def __init__(self, reasons: list[str]) -> None:
        super().__init__("the password cannot be used: " + " ".join(reasons))
        self.reasons = reasons


class UserUnknown(AccountError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no user {name!r}")


class OwnerUnknown(AccountError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no user or organization {name!r}")


class LastSuperuser(AccountError):
    def __init__(self) -> None:
        super().__init__("Berth would be left without a superuser: make another person one first")


class NotEmpty(AccountError):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} still has repositories, or deleted ones that can be undeleted:"
            " delete them first, and wait until they cannot be undeleted any more"
        )


class RobotExists(AccountError):
    def __init__(self, name: str) -> None:
        super().__init__(f"the robot {name!r} already exists")


class TeamExists(AccountError):
    def __init__(self, organization: str, name: str) -> None:
        super().__init__(f"the organization {organization!r} already has a team {name!r}")


class InvitationOver(AccountError):
    def __init__(self) -> None:
        super().__init__("the invitation was withdrawn or has expired")


class TooManyInvitations(AccountError):
    def __init__(self, team: str, most: int) -> None:
        super().__init__(
            f"{most} invitations into the team {team!r} wait for an answer already:"
            " withdraw some first"
        )


class LastOwner(AccountError):
    def __init__(self, organization: str) -> None:
        super().__init__(
            f"the organization {organization!r} would be left without an owner:"
            " give another person a team with the role admin first"
        )


class Foreign(AccountError):
    def __init__(self, kind: str, name: str, organization: str) -> None:
        super().__init__(
            f"the {kind} {name!r} does not belong to the organization {organization!r}"
        )
