"""Every key of ``config.yaml``: its type, its default and what it means.

Keys carry Quay's names where Quay has them. ``docs/configuration.md`` shows this list to
administrators; a test compares the two.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from artifacts.oci.lifetimes import parse_lifetime
from config.keys.content import ContentKeys
from config.keys.storage_drivers import without_secrets
from config.keys.values import Change, ForwardTo, Lifetime, impossible

ENVIRONMENT_PREFIX = "BERTH_"
DEPRECATED_KEYS = {
    "FEATURE_HELM_OCI_SUPPORT": "it adds Helm's types to ALLOWED_OCI_ARTIFACT_TYPES when it is true"
    " and does nothing else; list them there instead",
}
SECRET_KEYS = frozenset(
    {
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "METRICS_TOKEN",
        "DB_URI",
        "BROKER_URL",
        "MAIL_PASSWORD",
        "ACTION_LOG_FORWARD_TOKEN",
        "LDAP_ADMIN_PASSWD",
    }
)
# Also read from BERTH_<KEY>_FILE.
KEYS_FROM_FILES = SECRET_KEYS | {"DISTRIBUTED_STORAGE_CONFIG"}


_FOLDER_OF_STORE: Final = re.compile(
    r"[a-z0-9][\w.-]*(/[a-z0-9][\w.-]*)*", re.ASCII | re.IGNORECASE
)
_TAKEN_FOLDERS: Final = frozenset({"blobs", "uploads", "doctor"})


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Configuration(ContentKeys):
    """The typed configuration: every key, and what holds between keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    # Django looks for it each time that ``settings.BERTH`` is asked for. What pydantic does to
    # find that there is none takes as long as twenty such looks.
    _mask_wrapped: ClassVar[bool] = True

    LOG_LEVEL: Annotated[LogLevel, Change.SET_BY_PROCESS] = Field(
        LogLevel.INFO,
        description="Least severe messages that are logged: DEBUG, INFO, WARNING or ERROR.",
        examples=["WARNING"],
    )

    LOG_FORMAT: Literal["plain", "json"] = Field(
        "plain",
        description="How lines of the log are written: for people, or one JSON object each.",
        examples=["json"],
    )
    FEATURE_ACTION_LOG_ROTATION: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
        False,
        description="Whether events of the audit log go when they are older than"
        " `ACTION_LOG_ROTATION_THRESHOLD`.",
        examples=[True],
    )
    ACTION_LOG_ROTATION_THRESHOLD: Annotated[Lifetime, Change.ASKED_EACH_TIME] = Field(
        "30d",
        description="How long events stay in the audit log, at least a day, if it is rotated.",
        examples=["1y"],
    )
    ACTION_LOG_ARCHIVE_LOCATION: str = Field(
        "",
        description="Name from `DISTRIBUTED_STORAGE_CONFIG` of the store into which events are"
        " written before they leave the audit log. Empty: none. See docs/administration.md.",
        examples=["default"],
    )
    ACTION_LOG_ARCHIVE_PATH: str = Field(
        "",
        description="Folder in that store (`audit` if empty). Without"
        " `ACTION_LOG_ARCHIVE_LOCATION`: a folder of the worker's machine; a relative one starts"
        " in the data folder.",
        examples=["archives/audit"],
    )
    ACTION_LOG_FORWARD_TO: ForwardTo = Field(
        "",
        description="Where each event of the audit log is told as well: `stdout` of the jobs"
        " process, an address that takes JSON lines by `POST`, or a syslog server. Empty: nowhere."
        " See docs/watching.md.",
        examples=["syslog+tls://logs.example.com:6514"],
    )
    ACTION_LOG_FORWARD_TOKEN: str = Field(
        "",
        pattern=r"^[!-~]*$",
        description="Sent to that address as `Authorization: Bearer`. Empty: nothing is.",
        examples=["xxxxxxxx"],
    )
    ACCESS_LOG: Annotated[bool, Change.ASKED_EACH_TIME] = Field(
        False,
        description="Whether each request is a line in the log: method, route, path, status, bytes,"
        " milliseconds, who and from where. Never its query or its headers.",
        examples=[True],
    )

    @property
    def is_read_only(self) -> bool:
        return self.REGISTRY_STATE == "readonly"

    def document(self) -> dict[str, Any]:
        """Each key with its value, in words of JSON and without secrets."""
        plain = self.model_dump(mode="json", exclude=set(SECRET_KEYS))
        return {key: without_secrets(value) for key, value in plain.items()}

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Without secrets: whoever prints settings does not mean them."""
        return (item for item in super().__repr_args__() if item[0] not in KEYS_FROM_FILES)

    @model_validator(mode="after")
    def _combine(self) -> Self:
        """Refuse keys that are fine alone and make no sense together."""
        if bool(self.TLS_CERTIFICATE) != bool(self.TLS_KEY):
            missing = "TLS_KEY" if self.TLS_CERTIFICATE else "TLS_CERTIFICATE"
            given = "TLS_CERTIFICATE" if self.TLS_CERTIFICATE else "TLS_KEY"
            raise impossible(given, f"needs {missing} beside it")
        for key in ("LDAP_BASE_DN", "LDAP_ADMIN_DN", "LDAP_ADMIN_PASSWD"):
            if self.AUTHENTICATION_TYPE == "LDAP" and not getattr(self, key):
                raise impossible("AUTHENTICATION_TYPE", f"needs {key} beside it")
        if self.FEATURE_MAILING and not self.MAIL_SERVER:
            raise impossible("FEATURE_MAILING", "needs MAIL_SERVER beside it")
        for name in self.DISTRIBUTED_STORAGE_PREFERENCE:
            if name not in self.DISTRIBUTED_STORAGE_CONFIG:
                raise impossible(
                    "DISTRIBUTED_STORAGE_PREFERENCE",
                    f"names {name!r}, which DISTRIBUTED_STORAGE_CONFIG does not have",
                )
        self._check_archive()
        if parse_lifetime(self.ACTION_LOG_ROTATION_THRESHOLD) < timedelta(days=1):
            raise impossible("ACTION_LOG_ROTATION_THRESHOLD", "is shorter than a day")
        if self.maximum_manifest_bytes > self.maximum_layer_bytes:
            raise impossible("MAXIMUM_MANIFEST_SIZE", "is larger than MAXIMUM_LAYER_SIZE")
        if self.maximum_layer_bytes < self.OCI_CHUNK_MIN_LENGTH:
            raise impossible("OCI_CHUNK_MIN_LENGTH", "is larger than MAXIMUM_LAYER_SIZE")
        if parse_lifetime(self.LABELED_EXPIRATION_MINIMUM) > parse_lifetime(
            self.LABELED_EXPIRATION_MAXIMUM
        ):
            raise impossible(
                "LABELED_EXPIRATION_MINIMUM", "is longer than LABELED_EXPIRATION_MAXIMUM"
            )
        return self

    def _check_archive(self) -> None:
        location, path = self.ACTION_LOG_ARCHIVE_LOCATION, self.ACTION_LOG_ARCHIVE_PATH
        if not location:
            return
        if location not in self.DISTRIBUTED_STORAGE_CONFIG:
            raise impossible(
                "ACTION_LOG_ARCHIVE_LOCATION",
                f"names {location!r}, which DISTRIBUTED_STORAGE_CONFIG does not have",
            )
        if path and (not _FOLDER_OF_STORE.fullmatch(path) or path.split("/")[0] in _TAKEN_FOLDERS):
            raise impossible(
                "ACTION_LOG_ARCHIVE_PATH",
                "is no folder of a store, as archives/audit is, or one that blobs are in",
            )


CHANGEABLE: Final[Mapping[str, Change]] = {
    key: mark
    for key, info in Configuration.model_fields.items()
    for mark in info.metadata
    if isinstance(mark, Change)
}
