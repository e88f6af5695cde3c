"""Every key of ``config.yaml``: its type, its default and what it means.

Keys carry Quay's names where Quay has them. ``docs/configuration.md`` shows this list to
administrators; a test compares the two.
"""

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from config.processes import BLOCKING_THREADS

ENVIRONMENT_PREFIX = "BERTH_"
SECRET_KEYS = frozenset({"SECRET_KEY", "DB_URI", "BROKER_URL"})  # also read from BERTH_<KEY>_FILE

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


def _check_storage(parts: list[Any]) -> list[Any]:
    match parts:
        case ["LocalStorage", {"storage_path": str() as path}] if path:
            return parts
    raise PydanticCustomError(
        "storage", "the driver and its parameters: [LocalStorage, {storage_path: FOLDER}]"
    )


Size = Annotated[str, AfterValidator(_check_size)]
DatabaseUri = Annotated[str, AfterValidator(_check_database)]
BrokerUrl = Annotated[str, AfterValidator(_check_broker)]
StorageDriver = Annotated[list[Any], AfterValidator(_check_storage)]


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
        ["*"],
        description="Host names that requests may ask for. `*` allows all.",
        examples=[["registry.example.com"]],
    )
    TRUSTED_PROXIES: list[IPv4Network | IPv6Network] = Field(
        [],
        description="Networks of reverse proxies whose `X-Forwarded-For` tells who calls.",
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
        " `storage_path` starts in the data folder.",
        examples=[{"default": ["LocalStorage", {"storage_path": "/srv/berth/blobs"}]}],
    )
    DISTRIBUTED_STORAGE_PREFERENCE: list[str] = Field(
        ["default"],
        min_length=1,
        description="Names from `DISTRIBUTED_STORAGE_CONFIG`. New blobs go to the first.",
        examples=[["default"]],
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
        lt=BLOCKING_THREADS,
        description="Uploads that one web process takes at once; more are asked to retry. Below"
        f" {BLOCKING_THREADS}, the number of requests it serves at once.",
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
        return self


def _impossible(key: str, problem: str) -> PydanticCustomError:
    return PydanticCustomError("impossible", "{problem}", {"key": key, "problem": problem})


def _bytes_of(size: str) -> int:
    return int(size[:-1]) * _BYTES_PER_UNIT[size[-1]]
