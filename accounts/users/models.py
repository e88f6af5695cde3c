"""People, their robots, and the one name space that users and organizations share."""

from typing import ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q

from accounts.names import MAX_NAME_LENGTH
from artifacts.policy.models import ArtifactPolicy


class NamespaceQuerySet(models.QuerySet["Namespace"]):
    def held(self) -> Self:
        """Those of a user or an organization. A deleted organization leaves its name behind."""
        return self.filter(Q(user__isnull=False) | Q(organization__isnull=False))


NamespaceManager = models.Manager.from_queryset(NamespaceQuerySet)


class Namespace(models.Model):
    """A name that a user or an organization holds. Its uniqueness alone decides who has it."""

    name = models.CharField(max_length=MAX_NAME_LENGTH, unique=True)
    created_at = models.DateTimeField()
    artifact_policy = models.ForeignKey(
        ArtifactPolicy,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="namespaces",
        help_text="Which types of artifact its repositories may hold. Empty: what the"
        " configuration says.",
    )
    tag_expiration_seconds = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="How long deleted, moved and expired tags can be restored. Empty: what the"
        " configuration says.",
    )

    objects = NamespaceManager()

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Looks people up for Django's own login. ``services.create_user`` makes them."""


class User(AbstractBaseUser, PermissionsMixin):
    username = models.CharField(max_length=MAX_NAME_LENGTH, unique=True)
    namespace = models.OneToOneField(Namespace, models.PROTECT, related_name="user")
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(
        "active",
        default=True,
        help_text="A disabled account cannot log in; its robots cannot either.",
    )
    is_staff = models.BooleanField(
        "staff", default=False, help_text="Whether this person may open the administration pages."
    )
    date_joined = models.DateTimeField()
    must_change_password = models.BooleanField(
        default=False,
        help_text="The password was made up for this person: pages ask for another one first.",
    )

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.username


class RobotQuerySet(models.QuerySet["Robot"]):
    def named(self, name: str) -> Self:
        """The robot that logs in as ``owner+short``; empty when there is none."""
        owner, _, short_name = name.partition("+")
        return self.filter(namespace__name=owner, short_name=short_name)


RobotManager = models.Manager.from_queryset(RobotQuerySet)


class Robot(models.Model):
    """An account for machines. It belongs to a user or an organization and has one token."""

    namespace = models.ForeignKey(Namespace, models.PROTECT, related_name="robots")
    short_name = models.CharField(max_length=MAX_NAME_LENGTH)
    description = models.CharField(max_length=255, blank=True)
    metadata = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="what programs note about it for themselves",
    )
    created_at = models.DateTimeField()
    is_active = models.BooleanField("active", default=True)

    objects = RobotManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "short_name"], name="one_robot_per_owner_and_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What it logs in as, ``owner+short``. Reads the owner: select ``namespace`` with it."""
        return f"{self.namespace.name}+{self.short_name}"


class AccessEpoch(models.Model):
    """One row whose value grows with every change of who may do what.

    Whoever remembers a decision keeps the value it was made under, and asks again
    when the row says otherwise.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    value = models.BigIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="there_is_one_access_epoch"),
        ]

    def __str__(self) -> str:
        return str(self.value)
