"""Repositories, the scope every blob, manifest and tag lives in, and who may use them."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final, Self

from django.db import connection, models
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import RawSQL

from accounts import statements
from accounts.credentials.principals import Principal
from accounts.organizations.models import Team
from accounts.users.models import Namespace, Robot, User
from artifacts.kinds.kinds import Kind
from artifacts.oci.names import MAX_NAME_LENGTH
from artifacts.policy.models import ArtifactPolicy
from registry.rows.fields import AsciiField

if TYPE_CHECKING:
    from registry.blobs.models import BlobLink, UploadSession
    from registry.manifests.models import Manifest


# Of a row that holds for an organization or user, or for a repository.
ONE_PLACE: Final = Q(namespace__isnull=False, repository=None) | Q(
    namespace=None, repository__isnull=False
)
NOT_ONE_PLACE: Final = "Choose an organization or a repository, not both."


def place_of_rule(place: "Namespace | Repository") -> dict[str, "Namespace | Repository"]:
    """What a rule of ``place`` has in its columns: to make one, and to find them."""
    return {"repository" if isinstance(place, Repository) else "namespace": place}


class Role(models.TextChoices):
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class SignatureRequirement(models.TextChoices):
    NONE = "none", "none: everything can be pulled"
    REPORT = "report", "report: count the pulls that would be refused"
    REQUIRED = "required", "required: refuse what has no valid signature"


_COLUMNS = [  # in the order of the model's fields
    "id",
    "namespace_id",
    "name",
    "path",
    "is_public",
    "created_by",
    "kind",
    "last_pushed_at",
    "signature_requirement",
    "read_only_since",
]
_AT_PATH = f"""
    SELECT {", ".join(f"repositories_repository.{column}" for column in _COLUMNS)},
           (SELECT value FROM users_accessepoch)
    FROM repositories_repository WHERE path = %s AND deleted_at IS NULL
"""  # noqa: S608 - made of the constants above


TRIGRAM_LENGTH: Final = 3  # letters of what an index of trigrams can find
_SAID_IN: Final = ("path", "description", "words")
_SAYS: Final = f"({' OR '.join(f'{column} ILIKE %s' for column in _SAID_IN)})"


def _saying_by_trigrams(words: Sequence[str]) -> RawSQL:
    quoted = (word.replace('"', '""') for word in words)
    return RawSQL(
        "SELECT rowid FROM repositories_trigrams WHERE repositories_trigrams MATCH %s",
        [" ".join(f'"{word}"' for word in quoted)],
    )


def _saying_by_pattern(words: Sequence[str]) -> RawSQL:
    patterns = [f"%{connection.ops.prep_for_like_query(word)}%" for word in words]
    return RawSQL(  # noqa: S611 - made of constants
        f"SELECT id FROM repositories_repository WHERE {' AND '.join([_SAYS] * len(words))}",  # noqa: S608
        [pattern for pattern in patterns for _ in _SAID_IN],
    )


_SAYING: Final[Mapping[str, Callable[[Sequence[str]], RawSQL]]] = {
    "sqlite": _saying_by_trigrams,
    "postgresql": _saying_by_pattern,
}


class RepositoryQuerySet(models.QuerySet["Repository"]):
    def visible_to(self, principal: Principal, *, public: bool) -> Self:
        """What ``principal`` may pull from: ``public`` ones if asked for, and its own."""
        mine = RepositoryGrant.objects.filter(repository=OuterRef("pk")).held_by(principal)
        rights = Q(Exists(mine)) | Q(namespace__in=administered_namespaces(principal))
        return self.filter(rights | Q(is_public=True)) if public else self.filter(rights)

    def administered_by(self, principal: Principal) -> Self:
        """What ``principal`` may do everything in, by a grant or by its namespace."""
        grants = RepositoryGrant.objects.filter(repository=OuterRef("pk"), role=Role.ADMIN)
        mine = Exists(grants.held_by(principal))
        return self.filter(mine | Q(namespace__in=administered_namespaces(principal)))

    def saying(self, words: Sequence[str]) -> Self:
        """Those in whose path, description or ``words`` each word stands, in any case of letters.

        Words of fewer letters than a trigram has are looked for among those with the others, and
        alone find nothing.
        """
        whole = [word for word in words if len(word) >= TRIGRAM_LENGTH]
        if not whole:
            return self.none()
        repositories = self.filter(pk__in=_SAYING[connection.vendor](whole))
        for word in words:
            if len(word) < TRIGRAM_LENGTH:
                columns = (Q(**{f"{column}__icontains": word}) for column in _SAID_IN)
                repositories = repositories.filter(reduce(or_, columns))
        return repositories

    def page(self, *, after: str, size: int) -> Self:
        """The next ``size`` repositories in the order of their paths."""
        return self.filter(path__gt=after).order_by("path")[:size]


class _Present(models.Manager["Repository"]):
    """What everything goes by: a deleted repository is not there."""

    def get_queryset(self) -> models.QuerySet["Repository"]:
        return super().get_queryset().filter(deleted_at=None)

    def at_path(self, path: str) -> "Repository | None":
        """The repository with its ``epoch``: the state of everybody's rights, read with it."""
        return statements.remembered((_AT_PATH, path), lambda: self._found_at(path))

    def _found_at(self, path: str) -> statements.Found["Repository | None"]:
        for row in statements.rows(_AT_PATH, [path]):
            *columns, epoch = row
            repository = self.model.from_db(self.db, _COLUMNS, columns)
            repository.is_public = bool(repository.is_public)
            repository.last_pushed_at = statements.moment(repository.last_pushed_at)
            if repository.read_only_since is not None:
                repository.read_only_since = statements.moment(repository.read_only_since)
            repository.epoch = epoch
            return statements.Found(repository)
        return statements.Found(None)


class _Deleted(models.Manager["Repository"]):
    """What was deleted and has not been removed yet: for undeleting, and for collection."""

    def get_queryset(self) -> models.QuerySet["Repository"]:
        return super().get_queryset().exclude(deleted_at=None)


PresentRepositories = _Present.from_queryset(RepositoryQuerySet)
DeletedRepositories = _Deleted.from_queryset(RepositoryQuerySet)


class Repository(models.Model):
    """``path`` is the whole name, ``namespace/name``; both are kept, and agree.

    Tokens are bound to ``id``, so that one issued for a deleted repository says
    nothing about another of the same name. A deleted one keeps its name and its
    content for a while, and only ``deleted`` finds it; see ``deletion.py``.
    """

    namespace = models.ForeignKey(Namespace, models.PROTECT, related_name="repositories")
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    path = AsciiField(max_length=MAX_NAME_LENGTH)
    description = models.TextField(blank=True)
    words = models.TextField(
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="what its content was last said to be, for search",
    )
    is_public = models.BooleanField(default=False, db_index=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(
        max_length=40, blank=True, help_text="the key of its first pusher, e.g. user:7"
    )
    kind = models.CharField(
        max_length=20,
        choices=[(kind, kind) for kind in Kind],
        blank=True,
        help_text="what was last tagged in it, signatures and the like aside",
    )
    last_pushed_at = models.DateTimeField(
        help_text="to the minute; when it was created, while it is empty"
    )
    last_pushed_by = models.CharField(
        max_length=255, blank=True, help_text="the name of who pushed then, where it is known"
    )
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_by = models.CharField(max_length=255, blank=True, editable=False)
    removal_began_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="from then on it cannot be undeleted"
    )
    artifact_policy = models.ForeignKey(
        ArtifactPolicy,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="repositories",
        help_text="Which types of artifact it may hold. Empty: what the organization says.",
    )
    signature_requirement = models.CharField(
        max_length=8,
        choices=SignatureRequirement.choices,
        default=SignatureRequirement.NONE,
        help_text="Whether a pull needs a valid signature by a key of the organization.",
    )
    read_only_since = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="from then on nobody may push to it or delete from it; empty: it is not",
    )

    objects = PresentRepositories()
    deleted = DeletedRepositories()

    if TYPE_CHECKING:
        id: int
        namespace_id: int
        epoch: int
        grants: models.Manager["RepositoryGrant"]
        blob_links: models.Manager[BlobLink]
        uploads: models.Manager[UploadSession]
        manifests: models.Manager[Manifest]

    class Meta:
        verbose_name_plural = "repositories"
        constraints = [
            models.UniqueConstraint(
                fields=["path"], condition=Q(deleted_at=None), name="one_repository_per_path"
            ),
            models.UniqueConstraint(
                fields=["namespace", "name"],
                condition=Q(deleted_at=None),
                name="one_repository_per_name_in_a_namespace",
            ),
        ]
        indexes = [
            models.Index(
                fields=["namespace", "-last_pushed_at", "-id"], name="repository_last_pushed"
            ),
            models.Index(fields=["-last_pushed_at", "-id"], name="repository_last_pushed_of_all"),
            models.Index(
                fields=["namespace", "-deleted_at", "-id"],
                condition=Q(deleted_at__isnull=False),
                name="repository_deleted",
            ),
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def is_read_only(self) -> bool:
        return self.read_only_since is not None


class NamePart(models.Model):
    """A repository's path from one of its words on: what somebody may begin to type."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="name_parts")
    text = AsciiField(max_length=MAX_NAME_LENGTH)

    class Meta:
        indexes = [models.Index(fields=["text", "repository"], name="name_part_by_text")]

    def __str__(self) -> str:
        return self.text


class Star(models.Model):
    """A person wants to find a repository again."""

    user = models.ForeignKey(User, models.CASCADE, related_name="stars")
    repository = models.ForeignKey(Repository, models.CASCADE, related_name="stars")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "repository"], name="one_star_per_user_and_repository"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} stars {self.repository}"


class RepositoryGrantQuerySet(models.QuerySet["RepositoryGrant"]):
    def held_by(self, principal: Principal) -> Self:
        """Grants to the principal itself or to a team it belongs to."""
        if principal.kind == "user":
            return self.filter(
                Q(user=principal.id) | Q(team__in=Team.objects.filter(members__user=principal.id))
            )
        if principal.kind == "robot":
            return self.filter(
                Q(robot=principal.id) | Q(team__in=Team.objects.filter(members__robot=principal.id))
            )
        return self.none()


RepositoryGrantManager = models.Manager.from_queryset(RepositoryGrantQuerySet)


class RepositoryGrant(models.Model):
    """A role in one repository, given to a user, a robot or a team."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="grants")
    role = models.CharField(max_length=5, choices=Role.choices)
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="grants")
    robot = models.ForeignKey(Robot, models.CASCADE, null=True, blank=True, related_name="grants")
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="grants")
    created_at = models.DateTimeField()

    objects = RepositoryGrantManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(user__isnull=False, robot=None, team=None)
                    | Q(user=None, robot__isnull=False, team=None)
                    | Q(user=None, robot=None, team__isnull=False)
                ),
                name="a_grant_has_exactly_one_holder",
            ),
            models.UniqueConstraint(
                fields=["repository", "user"],
                condition=Q(user__isnull=False),
                name="one_grant_per_user_and_repository",
            ),
            models.UniqueConstraint(
                fields=["repository", "robot"],
                condition=Q(robot__isnull=False),
                name="one_grant_per_robot_and_repository",
            ),
            models.UniqueConstraint(
                fields=["repository", "team"],
                condition=Q(team__isnull=False),
                name="one_grant_per_team_and_repository",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} on {self.repository} for {self.user or self.robot or self.team}"


def administered_namespaces(principal: Principal) -> models.QuerySet[Namespace]:
    """Namespaces in which the principal may do everything: its own, and its organizations'."""
    if principal.kind == "user":
        return Namespace.objects.filter(
            Q(user=principal.id)
            | Q(
                organization__in=Team.objects.filter(
                    role="admin", members__user=principal.id
                ).values("organization")
            )
        )
    if principal.kind == "robot":
        return Namespace.objects.filter(
            organization__in=Team.objects.filter(role="admin", members__robot=principal.id).values(
                "organization"
            )
        )
    return Namespace.objects.none()
