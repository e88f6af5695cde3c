"""Every setting as pages show it: its value, where that comes from, and what it means."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from config.administration.models import Setting
from config.administration.runtime import effective, loaded, stored
from config.keys.configuration import CHANGEABLE, SECRET_KEYS, Configuration
from config.keys.storage_drivers import without_secrets

# In the order in which administrators look for them. Each key stands in one group.
GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "Sign-up and access": [
        "FEATURE_USER_CREATION",
        "FEATURE_ANONYMOUS_ACCESS",
        "FEATURE_PUBLIC_CATALOG",
        "CREATE_PRIVATE_REPO_ON_PUSH",
        "FEATURE_REQUIRE_TEAM_INVITE",
        "ROBOT_TOKENS_READABLE",
        "FEATURE_SUPERUSERS_FULL_ACCESS",
        "FEATURE_USER_INITIALIZE",
        "FEATURE_DIRECT_LOGIN",
        "AUTHENTICATION_TYPE",
        "LDAP_URI",
        "LDAP_BASE_DN",
        "LDAP_USER_RDN",
        "LDAP_ADMIN_DN",
        "LDAP_ADMIN_PASSWD",
        "LDAP_UID_ATTR",
        "LDAP_EMAIL_ATTR",
        "TOKEN_LIFETIME_SECONDS",
    ],
    "Content": [
        "REGISTRY_STATE",
        "ALLOWED_OCI_ARTIFACT_TYPES",
        "IGNORE_UNKNOWN_MEDIATYPES",
        "FEATURE_GENERAL_OCI_SUPPORT",
        "FEATURE_HELM_OCI_SUPPORT",
        "FEATURE_REFERRERS_API",
        "FEATURE_DOCKER_V1",
        "FEATURE_SCHEMA1_CONVERSION",
        "FEATURE_RESTRICTED_V1_PUSH",
        "V1_PUSH_WHITELIST",
        "LIBRARY_NAMESPACE",
        "FEATURE_LIBRARY_SUPPORT",
        "SIGNING_GRACE_SECONDS",
    ],
    "Tags and retention": [
        "DEFAULT_TAG_EXPIRATION",
        "TAG_EXPIRATION_OPTIONS",
        "FEATURE_CHANGE_TAG_EXPIRATION",
        "LABELED_EXPIRATION_MINIMUM",
        "LABELED_EXPIRATION_MAXIMUM",
        "PERMANENTLY_DELETE_TAGS",
        "FEATURE_PULL_SUPERSEDED",
        "FEATURE_IMMUTABLE_TAGS",
        "FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE",
        "DELETED_REPOSITORY_EXPIRATION",
        "FEATURE_AUTO_PRUNE",
        "DEFAULT_NAMESPACE_AUTOPRUNE_POLICY",
        "AUTO_PRUNING_POLL_PERIOD",
        "AUTOPRUNE_TASK_RUN_MINIMUM_INTERVAL_MINUTES",
        "AUTO_PRUNING_DEFAULT_POLICY_POLL_PERIOD",
    ],
    "Limits": [
        "MAXIMUM_LAYER_SIZE",
        "MAXIMUM_MANIFEST_SIZE",
        "OCI_CHUNK_MIN_LENGTH",
        "V2_PAGINATION_SIZE",
        "MAXIMUM_CONCURRENT_UPLOADS",
        "MAXIMUM_CONCURRENT_DOWNLOADS",
        "MAXIMUM_WAITING_REQUESTS",
        "SHARE_PER_CLIENT",
        "SHARE_PER_STRANGER",
        "MINIMUM_TRANSFER_RATE",
        "MAXIMUM_TRANSFER_SECONDS",
    ],
    "Storage and jobs": [
        "DISTRIBUTED_STORAGE_CONFIG",
        "DISTRIBUTED_STORAGE_PREFERENCE",
        "FEATURE_PROXY_STORAGE",
        "FEATURE_GARBAGE_COLLECTION",
        "GARBAGE_COLLECTION_FREQUENCY",
        "BLOBUPLOAD_DELETION_DATE_THRESHOLD",
        "PUSH_TEMP_TAG_EXPIRATION_SEC",
        "DB_URI",
        "DB_POOL_SIZE",
        "DB_POOL_TIMEOUT",
        "DB_SERVER_SIDE_CURSORS",
        "BROKER_URL",
        "JOB_THREADS",
    ],
    "Mail": [
        "FEATURE_MAILING",
        "MAIL_SERVER",
        "MAIL_PORT",
        "MAIL_USE_TLS",
        "MAIL_USERNAME",
        "MAIL_PASSWORD",
        "MAIL_DEFAULT_SENDER",
    ],
    "Where it is": [
        "SERVER_HOSTNAME",
        "PREFERRED_URL_SCHEME",
        "ALLOWED_HOSTS",
        "CORS_ALLOWED_ORIGINS",
        "TRUSTED_PROXIES",
        "OUTGOING_ALLOWED_NETWORKS",
        "OUTGOING_ALLOW_HTTP",
        "OUTGOING_PROXY",
        "TLS_CERTIFICATE",
        "TLS_KEY",
        "DRAIN_SECONDS",
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "METRICS_TOKEN",
    ],
    "Logs": [
        "LOG_LEVEL",
        "LOG_FORMAT",
        "ACCESS_LOG",
        "FEATURE_ACTION_LOG_ROTATION",
        "ACTION_LOG_ROTATION_THRESHOLD",
        "ACTION_LOG_ARCHIVE_LOCATION",
        "ACTION_LOG_ARCHIVE_PATH",
        "ACTION_LOG_FORWARD_TO",
        "ACTION_LOG_FORWARD_TOKEN",
    ],
}
OTHERS: Final = "Others"


@dataclass(frozen=True, slots=True)
class Row:
    """A key as the page shows it."""

    key: str
    value: str
    origin: str
    is_changeable: bool  # here and now
    description: str
    why: str
    stored: Setting | None
    problem: str
    held: Any = None  # the value itself; nothing for secrets

    @property
    def is_switch(self) -> bool:
        return self.is_changeable and isinstance(self.held, bool)


def rows() -> Iterator[Row]:
    """Every key of the configuration, and rows that are none of them."""
    base, written = loaded(), {row.key: row for row in stored()}
    in_force = effective(base, written.values())
    for key, info in Configuration.model_fields.items():
        origin: str = base.origins[key]
        if key in in_force.from_admin:
            origin = "admin"
        elif origin == "file":
            origin = f"{base.file.path}, line {base.file.line((key,))}"
        value = getattr(in_force.configuration, key)
        yield Row(
            key=key,
            value=_shown(key, value),
            origin=origin,
            is_changeable=key in CHANGEABLE and base.origins[key] == "default",
            description=(info.description or "").replace("`", ""),
            why=CHANGEABLE.get(key, ""),
            stored=written.pop(key, None),
            problem=in_force.problems.get(key, ""),
            held=None if key in SECRET_KEYS else value,
        )
    for key, row in written.items():
        yield Row(key, row.value_json, "admin", False, "", "", row, in_force.problems.get(key, ""))


def groups(text: str = "") -> Iterator[tuple[str, Sequence[Row]]]:
    """The rows in their groups; only those in whose name or meaning ``text`` stands."""
    query = text.lower()
    by_key = {row.key: row for row in rows() if query in f"{row.key} {row.description}".lower()}
    for title, keys in GROUPS.items():
        if group := [by_key.pop(key) for key in keys if key in by_key]:
            yield title, group
    if by_key:
        yield OTHERS, [*by_key.values()]


def _shown(key: str, value: Any) -> str:
    """As it would stand in ``config.yaml``; secrets only as that they are set."""
    if key in SECRET_KEYS:
        return "(set, not shown)" if value else ""
    if isinstance(value, str):
        return str(value)
    plain = without_secrets(
        Configuration.model_construct(**{key: value}).model_dump(mode="json")[key]
    )
    text: str = yaml.safe_dump(plain, sort_keys=False, default_flow_style=None)
    return text.removesuffix("...\n").strip()
