"""Every key of ``config.yaml``: its type, its default and what it means.

Keys carry Quay's names where Quay has them. ``docs/configuration.md`` shows this list to
administrators; a test compares the two.
"""

import re
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from artifacts.oci.expiry import LifetimeInvalid, parse_lifetime
from artifacts.policy.presets import Preset
from artifacts.policy.types_text import TypesInvalid, check_types
from config.processes import REQUEST_THREADS, UPLOAD_PLACES
from config.storage_drivers import check_driver
from registry.retention.rules import RuleInvalid, rule_of_policy

ENVIRONMENT_PREFIX = "BERTH_"
DEPRECATED_KEYS = {
    "FEATURE_HELM_OCI_SUPPORT": "it adds Helm's types to ALLOWED_OCI_ARTIFACT_TYPES when it is true"
    " and does nothing else; list them there instead",
}
SECRET_KEYS = frozenset(
    {"SECRET_KEY", "DB_URI", "BROKER_URL", "MAIL_PASSWORD", "LDAP_ADMIN_PASSWD"}
)
# Also read from BERTH_<KEY>_FILE.
KEYS_FROM_FILES = SECRET_KEYS | {"DISTRIBUTED_STORAGE_CONFIG"}

_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+", re.ASCII)
_BYTES_PER_UNIT = {"M": 1024**2, "G": 1024**3}


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def _check_size(text: str) -> str:
    if not (text[:-1].isascii() and text[:-1].isdigit() and text[-1] in _BYTES_PER_UNIT):
        raise PydanticCustomError("size", "a whole number followed by M or G, such as 20G")
    return text


def _check_origin(text: str) -> str:
    if text != "*" and not _ORIGIN.fullmatch(text):
        raise PydanticCustomError("origin", "scheme and host, such as https://ui.example.com, or *")
    return text


def _check_database(uri: str) -> str:
    if not uri.startswith(("sqlite:///", "postgresql://")):
        raise PydanticCustomError(
            "database", "sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME"
        )
    return uri


def _check_broker(url: str) -> str:
    if url != "django://" and not url.startswith(("redis://", "rediss://", "redis+socket://")):
        raise PydanticCustomError("broker", "django:// or redis://HOST:PORT/NUMBER")
    return url


def _check_lifetime(text: str) -> str:
    try:
        parse_lifetime(text)
    except LifetimeInvalid as error:
        raise PydanticCustomError(
            "lifetime", "a whole number and one of s, m (minutes), h, d, w or y, such as 2w"
        ) from error
    return text


def _check_artifact_types(value: Any) -> Any:
    if value == Preset.BUILTIN:
        return value
    try:
        return check_types(value)
    except TypesInvalid as error:
        raise _impossible("ALLOWED_OCI_ARTIFACT_TYPES", f"{error}, or the word builtin") from error


def _check_retention_policy(policy: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        if policy is not None:
            rule_of_policy(policy)
    except RuleInvalid as error:
        raise PydanticCustomError(
            "retention", "a method and a value, such as number_of_tags and 10"
        ) from error
    return policy


Origin = Annotated[str, AfterValidator(_check_origin)]
Size = Annotated[str, AfterValidator(_check_size)]
Lifetime = Annotated[str, AfterValidator(_check_lifetime)]
DatabaseUri = Annotated[str, AfterValidator(_check_database)]
BrokerUrl = Annotated[str, AfterValidator(_check_broker)]
ArtifactTypes = Annotated[
    dict[str, list[str]] | Literal["builtin"] | None, PlainValidator(_check_artifact_types)
]
StorageDriver = Annotated[list[Any], AfterValidator(check_driver)]
RetentionPolicy = Annotated[dict[str, Any] | None, AfterValidator(_check_retention_policy)]


class Configuration(BaseModel):
    """The typed configuration. One attribute per key, under the key's own name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    SERVER_HOSTNAME: str = Field(
        "",
        pattern=r"^[A-Za-z0-9.\-\[\]:]*$",
        description="Host and port as clients write them. Empty: the host each request names.",
        examples=["registry.example.com"],
    )
    PREFERRED_URL_SCHEME: Literal["http", "https"] = Field(
        "http",
        description="Scheme of the URLs that Berth gives out. `https` also makes cookies secure.",
        examples=["https"],
    )
    ALLOWED_HOSTS: list[str] = Field(
        [],
        description="Names that requests may ask for, beside `SERVER_HOSTNAME`; one that begins"
        " with a dot means all below it. IP addresses, names without a dot and those that nobody"
        " can register (`.localhost`, `.local`, `.internal`, `.svc`) always are. Empty and without"
        " `SERVER_HOSTNAME`: also what `TRUSTED_PROXIES` forward. `*`: every name.",
        examples=[["registry.example.com"]],
    )
    CORS_ALLOWED_ORIGINS: list[Origin] = Field(
        [],
        description="Other sites whose pages may use the API in a browser: registry UIs. `*` lets"
        " every page read what needs no login.",
        examples=[["https://ui.example.com"]],
    )
    TRUSTED_PROXIES: list[IPv4Network | IPv6Network] = Field(
        [],
        description="Networks of reverse proxies. Their `X-Forwarded-…` or `Forwarded` headers"
        " tell who calls.",
        examples=[["10.0.0.0/8"]],
    )
    TLS_CERTIFICATE: str = Field(
        "",
        description="File with your own certificate chain (PEM), served instead of a local one.",
        examples=["/etc/berth/tls.crt"],
    )
    TLS_KEY: str = Field(
        "",
        description="File with the private key (PEM) of `TLS_CERTIFICATE`.",
        examples=["/etc/berth/tls.key"],
    )
    SECRET_KEY: str = Field(
        "",
        description="Key that signs sessions and encrypts signing keys. Empty: the file"
        " `secret_key` in the data folder, made at the first start.",
        examples=["fifty random characters"],
    )
    DB_URI: DatabaseUri = Field(
        "sqlite:///db.sqlite3",
        description="The database. A relative SQLite path starts in the data folder.",
        examples=["postgresql://berth:secret@db.example.com:5432/berth"],
    )
    BROKER_URL: BrokerUrl = Field(
        "django://",
        description="Queue of background jobs. `django://` keeps it in the database.",
        examples=["redis://redis.example.com:6379/0"],
    )
    DISTRIBUTED_STORAGE_CONFIG: dict[str, StorageDriver] = Field(
        {"default": ["LocalStorage", {"storage_path": "blobs"}]},
        description="Places where blobs are kept: name, driver, parameters. A relative"
        " `storage_path` starts in the data folder. For S3 see docs/storage.md.",
        examples=[{"default": ["LocalStorage", {"storage_path": "/srv/berth/blobs"}]}],
    )
    DISTRIBUTED_STORAGE_PREFERENCE: list[str] = Field(
        ["default"],
        min_length=1,
        description="Names from `DISTRIBUTED_STORAGE_CONFIG`. New blobs go to the first.",
        examples=[["default"]],
    )
    FEATURE_PROXY_STORAGE: bool = Field(
        False,
        description="Whether blobs in S3 reach clients through Berth. `false`: clients are sent to"
        " S3, which they must be able to reach.",
        examples=[True],
    )
    LIBRARY_NAMESPACE: str = Field(
        "library",
        pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$",
        description="Namespace of repositories that are named without one.",
        examples=["library"],
    )
    FEATURE_LIBRARY_SUPPORT: bool = Field(
        True,
        description="Whether repositories may be named without a namespace.",
        examples=[False],
    )
    CREATE_PRIVATE_REPO_ON_PUSH: bool = Field(
        True,
        description="Whether a repository made by its first push is private.",
        examples=[False],
    )
    FEATURE_ANONYMOUS_ACCESS: bool = Field(
        True,
        description="Whether public repositories can be pulled without logging in.",
        examples=[False],
    )
    FEATURE_USER_CREATION: bool | None = Field(
        None,
        description="Whether people may create accounts for themselves. `true`: any visitor, in the"
        " browser. `false`: nobody. Not set: only who comes from a service of"
        " `<NAME>_LOGIN_CONFIG`.",
        examples=[True],
    )
    FEATURE_REQUIRE_TEAM_INVITE: bool = Field(
        True,
        description="Whether people are asked before they are in a team of an organization that"
        " they are not in yet. `false`: its administrators put them there.",
        examples=[False],
    )
    FEATURE_DIRECT_LOGIN: bool = Field(
        True,
        description="Whether people sign in to the pages with a password of Berth. `false`: only"
        " through the services of `<NAME>_LOGIN_CONFIG`.",
        examples=[False],
    )
    AUTHENTICATION_TYPE: Literal["Database", "LDAP"] = Field(
        "Database",
        description="Where people's passwords are. `LDAP` needs the extra `ldap`; accounts with a"
        " password of Berth stay. See docs/accounts.md.",
        examples=["LDAP"],
    )
    LDAP_URI: str = Field(
        "ldap://localhost",
        pattern=r"^ldaps?://\S+$",
        description="Address of the directory.",
        examples=["ldaps://ldap.example.com"],
    )
    LDAP_BASE_DN: list[str] = Field(
        [],
        description="Root of the directory, part by part.",
        examples=[["dc=example", "dc=com"]],
    )
    LDAP_USER_RDN: list[str] = Field(
        [],
        description="Where people are below `LDAP_BASE_DN`, part by part.",
        examples=[["ou=People"]],
    )
    LDAP_ADMIN_DN: str = Field(
        "",
        description="Who looks people up in the directory.",
        examples=["cn=reader,dc=example,dc=com"],
    )
    LDAP_ADMIN_PASSWD: str = Field(
        "", description="The password of `LDAP_ADMIN_DN`.", examples=["a password"]
    )
    LDAP_UID_ATTR: str = Field(
        "uid",
        pattern=r"^[A-Za-z][A-Za-z0-9-]*$",
        description="Attribute that holds the user name.",
        examples=["sAMAccountName"],
    )
    LDAP_EMAIL_ATTR: str = Field(
        "mail",
        pattern=r"^[A-Za-z][A-Za-z0-9-]*$",
        description="Attribute that holds the e-mail address.",
        examples=["userPrincipalName"],
    )
    FEATURE_MAILING: bool = Field(
        False,
        description="Whether Berth sends mail: to reset passwords, and to verify the e-mail"
        " addresses of accounts.",
        examples=[True],
    )
    MAIL_SERVER: str = Field(
        "", description="Host of the mail server.", examples=["smtp.example.com"]
    )
    MAIL_PORT: int = Field(
        587, ge=1, le=65535, description="Port of the mail server.", examples=[25]
    )
    MAIL_USE_TLS: bool = Field(
        False,
        description="Whether the connection is encrypted, by STARTTLS; on port 465 from the"
        " beginning.",
        examples=[True],
    )
    MAIL_USERNAME: str = Field(
        "", description="Name at the mail server. Empty: without login.", examples=["berth"]
    )
    MAIL_PASSWORD: str = Field(
        "", description="Password at the mail server.", examples=["a password"]
    )
    MAIL_DEFAULT_SENDER: str = Field(
        "",
        description="Sender of mails. Empty: `berth@` and the host of `SERVER_HOSTNAME`.",
        examples=["registry@example.com"],
    )
    FEATURE_PUBLIC_CATALOG: bool = Field(
        False,
        description="Whether the catalog also lists public repositories, to everybody.",
        examples=[True],
    )
    FEATURE_SUPERUSERS_FULL_ACCESS: bool = Field(
        False,
        description="Whether superusers may read, write and administer every repository.",
        examples=[True],
    )
    FEATURE_GENERAL_OCI_SUPPORT: bool = Field(
        True,
        description="Whether OCI manifests and indexes may be pushed. Docker's always may.",
        examples=[False],
    )
    ALLOWED_OCI_ARTIFACT_TYPES: ArtifactTypes = Field(
        None,
        description="Artifacts that may be pushed beside container images: config types, each with"
        " its layer types, or the list `builtin`. Not set: anything. See docs/policy.md.",
        examples=[{"application/vnd.example.config.v1+json": ["application/vnd.example.layer"]}],
    )
    FEATURE_HELM_OCI_SUPPORT: bool | None = Field(
        None,
        description="Deprecated. `true` adds Helm's types to `ALLOWED_OCI_ARTIFACT_TYPES`.",
        examples=[True],
    )
    IGNORE_UNKNOWN_MEDIATYPES: bool = Field(
        False,
        description="Whether `ALLOWED_OCI_ARTIFACT_TYPES` counts for nothing.",
        examples=[True],
    )
    FEATURE_REFERRERS_API: bool = Field(
        True,
        description="Whether clients can ask what refers to a manifest. `false`: they keep lists"
        " under tags instead.",
        examples=[False],
    )
    FEATURE_SCHEMA1_CONVERSION: bool = Field(
        True,
        description="Whether images are converted for clients that know only Docker's first"
        " manifests or its first API.",
        examples=[False],
    )
    FEATURE_RESTRICTED_V1_PUSH: bool = Field(
        True,
        description="Whether only the namespaces in `V1_PUSH_WHITELIST` take pushes by Docker's"
        " V1 API.",
        examples=[False],
    )
    V1_PUSH_WHITELIST: list[str] = Field(
        [],
        description="Users and organizations that take pushes by Docker's V1 API.",
        examples=[["acme"]],
    )
    MAXIMUM_LAYER_SIZE: Size = Field(
        "20G", description="Largest blob, in mebibytes (M) or gibibytes (G).", examples=["100G"]
    )
    MAXIMUM_MANIFEST_SIZE: Size = Field(
        "4M", description="Largest manifest, in mebibytes (M) or gibibytes (G).", examples=["8M"]
    )
    OCI_CHUNK_MIN_LENGTH: int = Field(
        0,
        ge=0,
        description="Smallest chunk, in bytes, that clients are asked to send. 0: not asked.",
        examples=[5242880],
    )
    V2_PAGINATION_SIZE: int = Field(
        1000,
        ge=1,
        le=10000,
        description="Most entries on one page of tags, repositories or referrers.",
        examples=[100],
    )
    TOKEN_LIFETIME_SECONDS: int = Field(
        900,
        ge=60,
        le=86400,
        description="How long a bearer token from `/v2/auth` is valid.",
        examples=[300],
    )
    MAXIMUM_CONCURRENT_UPLOADS: int = Field(
        96,
        ge=1,
        le=UPLOAD_PLACES,
        description="Uploads that one web process takes at once; more are asked to retry."
        f" At most {UPLOAD_PLACES}: each holds one of its {REQUEST_THREADS} threads.",
        examples=[64],
    )
    BLOBUPLOAD_DELETION_DATE_THRESHOLD: int = Field(
        2880,
        ge=1,
        description="Minutes without progress after which an unfinished upload is deleted.",
        examples=[1440],
    )
    PUSH_TEMP_TAG_EXPIRATION_SEC: int = Field(
        3600,
        ge=60,
        description="Seconds for which a pushed blob or manifest is kept although nothing needs"
        " it yet.",
        examples=[7200],
    )
    DEFAULT_TAG_EXPIRATION: Lifetime = Field(
        "2w",
        description="The time machine: how long deleted, moved and expired tags can be restored,"
        " where an organization says nothing else.",
        examples=["4w"],
    )
    DELETED_REPOSITORY_EXPIRATION: Lifetime = Field(
        "2w",
        description="How long a deleted repository can be undeleted. Its content takes room until"
        " then.",
        examples=["4w"],
    )
    TAG_EXPIRATION_OPTIONS: list[Lifetime] = Field(
        ["0s", "1d", "1w", "2w", "4w"],
        description="Time machines that organizations may choose from.",
        examples=[["1d", "2w"]],
    )
    FEATURE_CHANGE_TAG_EXPIRATION: bool = Field(
        True,
        description="Whether an organization may choose its time machine.",
        examples=[False],
    )
    LABELED_EXPIRATION_MINIMUM: Lifetime = Field(
        "1h",
        description="Nearest moment, from now, at which a person may let a tag expire.",
        examples=["1m"],
    )
    LABELED_EXPIRATION_MAXIMUM: Lifetime = Field(
        "104w",
        description="Farthest moment, from now, at which a person may let a tag expire.",
        examples=["1y"],
    )
    PERMANENTLY_DELETE_TAGS: bool = Field(
        False,
        description="Whether tags can be deleted for good, past the time machine.",
        examples=[True],
    )
    FEATURE_PULL_SUPERSEDED: bool = Field(
        True,
        description="Whether what a tag left behind that moved on can be pulled by its digest as"
        " long as the time machine holds it. `false`: not at all, as in Quay.",
        examples=[False],
    )
    FEATURE_IMMUTABLE_TAGS: bool = Field(
        True,
        description="Whether tags can be immutable: neither moved nor deleted.",
        examples=[False],
    )
    FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE: bool = Field(
        True,
        description="Whether immutable tags can expire.",
        examples=[False],
    )
    SIGNING_GRACE_SECONDS: int = Field(
        3600,
        ge=0,
        description="Where signatures are required: seconds after a push in which who may push can"
        " read what is not signed, to sign it. See docs/signatures.md.",
        examples=[86400],
    )
    FEATURE_GARBAGE_COLLECTION: bool = Field(
        True,
        description="Whether Berth frees by itself, while it serves, what nobody needs any more.",
        examples=[False],
    )
    GARBAGE_COLLECTION_FREQUENCY: int = Field(
        300,
        ge=1,
        description="Seconds between two runs of garbage collection.",
        examples=[60],
    )
    FEATURE_AUTO_PRUNE: bool = Field(
        True,
        description="Whether the retention rules of organizations and repositories are applied.",
        examples=[False],
    )
    DEFAULT_NAMESPACE_AUTOPRUNE_POLICY: RetentionPolicy = Field(
        None,
        description="The retention rule where an organization and a repository have none:"
        " `number_of_tags`, `creation_date` or `last_pull`, and a value. See docs/retention.md.",
        examples=[{"method": "creation_date", "value": "90d"}],
    )
    AUTO_PRUNING_POLL_PERIOD: int = Field(
        30,
        ge=1,
        description="Seconds between two looks for repositories whose retention is due.",
        examples=[300],
    )
    AUTOPRUNE_TASK_RUN_MINIMUM_INTERVAL_MINUTES: int = Field(
        60,
        ge=1,
        description="Minutes between two runs of retention in one repository.",
        examples=[1440],
    )
    AUTO_PRUNING_DEFAULT_POLICY_POLL_PERIOD: int = Field(
        86400,
        ge=1,
        description="Seconds between two runs of retention where only"
        " `DEFAULT_NAMESPACE_AUTOPRUNE_POLICY` holds.",
        examples=[3600],
    )
    LOG_LEVEL: LogLevel = Field(
        LogLevel.INFO,
        description="Least severe messages that are logged: DEBUG, INFO, WARNING or ERROR.",
        examples=["WARNING"],
    )

    @property
    def maximum_layer_bytes(self) -> int:
        return _bytes_of(self.MAXIMUM_LAYER_SIZE)

    @property
    def maximum_manifest_bytes(self) -> int:
        return _bytes_of(self.MAXIMUM_MANIFEST_SIZE)

    @model_validator(mode="after")
    def _combine(self) -> Self:
        """Refuse keys that are fine alone and make no sense together."""
        if bool(self.TLS_CERTIFICATE) != bool(self.TLS_KEY):
            missing = "TLS_KEY" if self.TLS_CERTIFICATE else "TLS_CERTIFICATE"
            given = "TLS_CERTIFICATE" if self.TLS_CERTIFICATE else "TLS_KEY"
            raise _impossible(given, f"needs {missing} beside it")
        for key in ("LDAP_BASE_DN", "LDAP_ADMIN_DN", "LDAP_ADMIN_PASSWD"):
            if self.AUTHENTICATION_TYPE == "LDAP" and not getattr(self, key):
                raise _impossible("AUTHENTICATION_TYPE", f"needs {key} beside it")
        if self.FEATURE_MAILING and not self.MAIL_SERVER:
            raise _impossible("FEATURE_MAILING", "needs MAIL_SERVER beside it")
        for name in self.DISTRIBUTED_STORAGE_PREFERENCE:
            if name not in self.DISTRIBUTED_STORAGE_CONFIG:
                raise _impossible(
                    "DISTRIBUTED_STORAGE_PREFERENCE",
                    f"names {name!r}, which DISTRIBUTED_STORAGE_CONFIG does not have",
                )
        if self.maximum_manifest_bytes > self.maximum_layer_bytes:
            raise _impossible("MAXIMUM_MANIFEST_SIZE", "is larger than MAXIMUM_LAYER_SIZE")
        if self.maximum_layer_bytes < self.OCI_CHUNK_MIN_LENGTH:
            raise _impossible("OCI_CHUNK_MIN_LENGTH", "is larger than MAXIMUM_LAYER_SIZE")
        if parse_lifetime(self.LABELED_EXPIRATION_MINIMUM) > parse_lifetime(
            self.LABELED_EXPIRATION_MAXIMUM
        ):
            raise _impossible(
                "LABELED_EXPIRATION_MINIMUM", "is longer than LABELED_EXPIRATION_MAXIMUM"
            )
        return self


def _impossible(key: str, problem: str) -> PydanticCustomError:
    return PydanticCustomError("impossible", "{problem}", {"key": key, "problem": problem})


def _bytes_of(size: str) -> int:
    return int(size[:-1]) * _BYTES_PER_UNIT[size[-1]]
