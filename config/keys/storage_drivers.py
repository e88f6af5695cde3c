"""What ``DISTRIBUTED_STORAGE_CONFIG`` may hold: drivers and parameters with Quay's names."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

# Also a misspelled one may hold a secret.
_SECRET_PARAMETER = re.compile("key|secret|password|token", re.IGNORECASE)
NOT_SHOWN = "(not shown)"

_MAXIMUM_PORT = 65535


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class LocalParameters(_Parameters):
    storage_path: str = Field(min_length=1)

    def settings(self) -> dict[str, Any]:
        return self.model_dump()


class S3Parameters(_Parameters):
    """Without keys the environment gives them: variables, a profile, the machine's role."""

    s3_bucket: str = Field(min_length=1)
    storage_path: str = ""
    s3_access_key: str = ""
    s3_secret_key: str = ""
    s3_region: str = ""
    endpoint_url: str = Field("", pattern=r"^$|^https?://[^/]+/?$")
    public_endpoint_url: str = Field("", pattern=r"^$|^https?://[^/]+/?$")
    host: str = ""
    port: int | None = Field(None, ge=1, le=_MAXIMUM_PORT)
    signature_version: str = "s3v4"

    @model_validator(mode="after")
    def _combine(self) -> "S3Parameters":
        if bool(self.s3_access_key) != bool(self.s3_secret_key):
            raise PydanticCustomError("pair", "s3_access_key and s3_secret_key go together")
        if self.endpoint_url and (self.host or self.port):
            raise PydanticCustomError("endpoint", "endpoint_url takes the place of host and port")
        if self.port and not self.host:
            raise PydanticCustomError("endpoint", "port needs host beside it")
        return self

    def settings(self) -> dict[str, Any]:
        parameters = self.model_dump(exclude={"host", "port"})
        parameters["storage_path"] = self.storage_path.strip("/")
        if self.host:
            parameters["endpoint_url"] = _url(self.host, self.port, is_secure=True)
        return parameters


class RadosGWParameters(_Parameters):
    """Ceph's gateway, which speaks S3."""

    hostname: str = Field(min_length=1)
    is_secure: bool = True
    port: int | None = Field(None, ge=1, le=_MAXIMUM_PORT)
    access_key: str = Field(min_length=1)
    secret_key: str = Field(min_length=1)
    bucket_name: str = Field(min_length=1)
    storage_path: str = ""

    def settings(self) -> dict[str, Any]:
        return S3Parameters(
            s3_bucket=self.bucket_name,
            storage_path=self.storage_path,
            s3_access_key=self.access_key,
            s3_secret_key=self.secret_key,
            endpoint_url=_url(self.hostname, self.port, is_secure=self.is_secure),
            public_endpoint_url="",
            port=None,
        ).settings()


_DRIVERS: dict[str, type[LocalParameters | S3Parameters | RadosGWParameters]] = {
    "LocalStorage": LocalParameters,
    "S3Storage": S3Parameters,
    "RadosGWStorage": RadosGWParameters,
}


def check_driver(parts: list[Any]) -> list[Any]:
    """Refuse what is no driver with its parameters, in one sentence that shows no secret."""
    match parts:
        case [str() as driver, dict() as parameters] if driver in _DRIVERS:
            try:
                _DRIVERS[driver].model_validate(parameters)
            except ValidationError as error:
                raise PydanticCustomError(
                    "storage",
                    "parameters of {driver} that are right ({problem})",
                    {"driver": driver, "problem": _problem(error, _DRIVERS[driver])},
                ) from None
            return parts
    raise PydanticCustomError(
        "storage",
        "one of the drivers LocalStorage, S3Storage and RadosGWStorage and its parameters, as in"
        " [LocalStorage, {storage_path: FOLDER}]",
    )


def driver_settings(driver: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """LocalStorage or S3Storage, whatever the driver's own words, with every parameter."""
    values = _DRIVERS[driver].model_validate(parameters).settings()
    return ("LocalStorage" if driver == "LocalStorage" else "S3Storage"), values


def without_secrets(value: Any) -> Any:
    """A value of the configuration as it may be shown."""
    match value:
        case Mapping():
            return {
                key: NOT_SHOWN
                if part and _SECRET_PARAMETER.search(str(key))
                else without_secrets(part)
                for key, part in value.items()
            }
        case list() | tuple():
            return [without_secrets(part) for part in value]
    return value


def _problem(error: ValidationError, model: type[BaseModel]) -> str:
    detail = error.errors()[0]
    name = ".".join(map(str, detail["loc"]))
    match detail["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(name, list(model.model_fields), n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(model.model_fields)}"
            return f"it has no {name}; {hint}"
        case "missing":
            return f"it needs {name}"
        case "string_pattern_mismatch":
            return f"{name} must be http://HOST or https://HOST, with a port if needed"
        case "pair" | "endpoint":
            return detail["msg"]
    return f"{name}: {detail['msg']}"


def _url(host: str, port: int | None, *, is_secure: bool) -> str:
    scheme = "https" if is_secure else "http"
    return f"{scheme}://{host}:{port}" if port else f"{scheme}://{host}"
