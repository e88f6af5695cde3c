"""What proves who somebody is, and what slows down those who guess."""

import uuid
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from accounts.organizations.models import Organization
from accounts.users.models import Robot


class TokenScope(models.TextChoices):
    """The most a token may do, whatever its user may."""

    NONE = "none", "none: nothing in repositories"
    READ = "read", "read: pull"
    WRITE = "write", "write: pull, push and delete"
    ADMIN = "admin", "admin: whatever the user may"


class OAuthApplication(models.Model):
    """A program that people give tokens to, in the name of an organization. Its secret is not
    kept."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="applications")
    client_id = models.CharField(max_length=40, unique=True)
    secret_sha256 = models.CharField(max_length=64, help_text="hex, of the random secret")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    application_uri = models.CharField(max_length=2000, blank=True)
    redirect_uri = models.CharField(max_length=2000, blank=True)
    avatar_email = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class OAuthOffer(models.Model):
    """What whoever runs a program asks a person for: a token with that scope. It is there until the
    person lets the program in, or declines."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(OAuthApplication, models.CASCADE, related_name="offers")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="offers")
    scope = models.CharField(max_length=255)
    redirect_uri = models.CharField(max_length=2000, blank=True)
    response_type = models.CharField(max_length=5)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application", "user"], name="one_offer_of_a_program_to_a_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application} to {self.user}"


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def expired(self, at: datetime) -> Self:
        return self.filter(expires_at__lte=at)


AccessTokenManager = models.Manager.from_queryset(AccessTokenQuerySet)


class AccessToken(models.Model):
    """The token of a robot, or one of a user's application tokens. The secret is not kept, unless
    it is of a robot whose tokens can be read again."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="tokens"
    )
    robot = models.ForeignKey(Robot, models.CASCADE, null=True, blank=True, related_name="tokens")
    application = models.ForeignKey(
        OAuthApplication,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="tokens",
        help_text="the program that it was made for, and goes with",
    )
    title = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, unique=True, help_text="hex, of the random secret")
    sealed = models.TextField(
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="the secret, encrypted, where ROBOT_TOKENS_READABLE wants it",
    )
    scope = models.CharField(max_length=5, choices=TokenScope.choices, default=TokenScope.ADMIN)
    scopes = models.CharField(
        max_length=255,
        blank=True,
        help_text="what it may be used for in the management API; empty: what its scope stands for",
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, db_index=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = AccessTokenManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user=None, robot__isnull=False) | Q(user__isnull=False, robot=None),
                name="a_token_is_of_one_user_or_one_robot",
            ),
            models.UniqueConstraint(fields=["robot"], name="one_live_token_per_robot"),
            models.CheckConstraint(
                condition=Q(scope__in=TokenScope.values), name="a_token_has_a_known_scope"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} of {self.user or self.robot}"

    def has_expired(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at


class RobotFederation(models.Model):
    """Workloads that may log in as a robot: those of which ``issuer`` says that they are one of
    ``subject``, in a token for ``audience``."""

    robot = models.ForeignKey(Robot, models.CASCADE, related_name="federations")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=500, help_text="* stands for any text")
    audience = models.CharField(
        max_length=500, blank=True, help_text="Empty: the name of this registry."
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["robot", "issuer", "subject", "audience"],
                name="a_robot_trusts_a_workload_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} of {self.issuer}"


class LoginThrottle(models.Model):
    """Logins of one (account, address), or failures of one address over many accounts."""

    key = models.CharField(max_length=64, primary_key=True, help_text="keyed hash of whom it slows")
    failures = models.PositiveIntegerField()
    blocked_until = models.DateTimeField(null=True, blank=True)
    succeeded_at = models.DateTimeField(
        null=True, blank=True, help_text="when the account logged in from there, to the day"
    )
    noted_at = models.DateTimeField(
        null=True, blank=True, help_text="when the audit log was last told of a failure"
    )
    updated_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key[:12]}: {self.failures} failures"


class UsedCode(models.Model):
    """A code of a second factor that was taken. It is good once (RFC 6238, section 5.2)."""

    authenticator = models.ForeignKey("mfa.Authenticator", models.CASCADE, related_name="+")
    code = models.CharField(max_length=16)
    used_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["authenticator", "code"], name="a_code_is_taken_once"),
        ]

    def __str__(self) -> str:
        return f"a code of {self.authenticator_id}"


class SharedValue(models.Model):
    """What all processes remember together for a while: see ``shared_cache``."""

    key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField(help_text="JSON")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key


class SigningKey(models.Model):
    """A key that signs bearer tokens from ``active_from`` until ``retired_at``."""

    kid = models.CharField(max_length=64, unique=True, help_text="RFC 7638 thumbprint")
    private_key = models.TextField(help_text="PEM, encrypted")
    public_jwk = models.TextField(help_text="the public half as JSON (RFC 7517)")
    created_at = models.DateTimeField()
    active_from = models.DateTimeField()
    retired_at = models.DateTimeField(
        null=True, blank=True, help_text="when its successor starts to sign; empty for the newest"
    )

    class Meta:
        constraints = [
            # Two processes that find no key, or rotate at once, cannot both succeed.
            models.UniqueConstraint(
                ExpressionWrapper(Q(retired_at=None), output_field=BooleanField()),
                condition=Q(retired_at=None),
                name="one_newest_signing_key",
            ),
        ]

    def __str__(self) -> str:
        return self.kid


def delete_first(due: QuerySet[Any], *, by: str, limit: int) -> int:
    """Delete at most ``limit`` rows, those first that ``by`` puts first; return how many."""
    keys = list(due.order_by(by, "pk").values_list("pk", flat=True)[:limit])
    # Asked again in the delete: somebody may have renewed a row meanwhile.
    deleted, _ = due.filter(pk__in=keys).delete()
    return deleted
