"""Finds the configuration: environment over ``config.yaml`` over defaults, or clear sentences."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config.keys.configuration import (
    DEPRECATED_KEYS,
    ENVIRONMENT_PREFIX,
    KEYS_FROM_FILES,
    SECRET_KEYS,
    Configuration,
)
from config.keys.login_services import SUFFIX, LoginService, is_login_key, read_services
from config.keys.paths import data_folder
from config.keys.places import kept_in_data
from config.keys.storage_drivers import without_secrets
from config.keys.yaml_file import YamlFile, YamlProblem

# Variables with our prefix that are no keys of config.yaml.
OTHER_VARIABLES = frozenset(
    {"BERTH_DATA", "BERTH_CONFIG", "BERTH_ADMIN_PASSWORD", "BERTH_REQUIRE_ALL"}
)

_MAPPING = FieldInfo(annotation=dict, default={})
Origin = Literal["environment", "file", "default"]


class ConfigurationError(Exception):
    """The configuration cannot be used. One sentence per problem, each on its own line."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class LoadedConfiguration:
    """The configuration in force, and where each value comes from."""

    configuration: Configuration
    origins: Mapping[str, Origin]
    file: YamlFile
    data: Path
    has_data: bool  # whether there is a data folder: something is kept in it, or somebody named it
    warnings: tuple[str, ...]
    login_services: Mapping[str, LoginService] = field(default_factory=dict)


def load_configuration(
    environ: Mapping[str, str], *, file: Path | None = None
) -> LoadedConfiguration:
    """Read the configuration.

    Args:
        environ: the environment, such as ``os.environ``.
        file: the file to read. Without it ``BERTH_CONFIG`` names the file, which then must
            exist; and else it is ``config.yaml`` in the data folder, if there.

    Raises:
        ConfigurationError: with one sentence for each problem found.
    """
    data = data_folder(environ)
    document = _read_file(_configuration_file(environ, data) if file is None else file)
    variables, problems = _from_environment(environ)
    if problems:
        raise ConfigurationError(*problems)
    values = {**document.values, **variables}
    services, problems = _login_services(values, document, variables)
    try:
        configuration = Configuration.model_validate(
            {key: value for key, value in values.items() if not is_login_key(key)}
        )
    except ValidationError as error:
        raise ConfigurationError(
            *(_sentence(detail, document, variables) for detail in error.errors()), *problems
        ) from error
    if not (configuration.FEATURE_DIRECT_LOGIN or services or problems):
        problems = [
            f"{_place_of(('FEATURE_DIRECT_LOGIN',), document, variables)} needs a <NAME>{SUFFIX}"
            " beside it: nobody could sign in."
        ]
    if problems:
        raise ConfigurationError(*problems)
    return LoadedConfiguration(
        configuration=configuration,
        origins={key: _origin(key, document, variables) for key in Configuration.model_fields},
        file=document,
        data=data,
        has_data=bool(kept_in_data(configuration) or environ.get("BERTH_DATA")),
        warnings=(*_unknown_variables(environ), *_deprecations(document, variables)),
        login_services=services,
    )


def refusals(error: ValidationError) -> list[str]:
    """What is wrong with values that stand in no file, one sentence for each."""
    return [
        _sentence(detail, YamlFile(), {}).removeprefix("configuration: ")
        for detail in error.errors()
    ]


def _configuration_file(environ: Mapping[str, str], data: Path) -> Path | None:
    if named := environ.get("BERTH_CONFIG"):
        return Path(named)
    usual = data / "config.yaml"
    return usual if usual.exists() else None


def _read_file(path: Path | None) -> YamlFile:
    if path is None:
        return YamlFile()
    try:
        return YamlFile.read(path)
    except YamlProblem as problem:
        raise ConfigurationError(f"{_place(path, problem.line)}: {problem}.") from problem


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Values given as ``BERTH_<KEY>``, written as they would be in the file, and problems."""
    variables: dict[str, Any] = {}
    problems: list[str] = []
    fields = Configuration.model_fields | dict.fromkeys(_login_keys(environ), _MAPPING)
    for key, info in fields.items():
        variable = ENVIRONMENT_PREFIX + key
        text = environ.get(variable)
        is_from_file = key in KEYS_FROM_FILES or info is _MAPPING
        if text is None and is_from_file and (named := environ.get(f"{variable}_FILE")):
            try:
                text = Path(named).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                problems.append(f"environment: {variable}_FILE: cannot read {named}: {error}.")
        if text is None:
            continue
        try:
            is_text = isinstance(info.get_default(call_default_factory=True), str)
            variables[key] = text if is_text else yaml.safe_load(text)
        except yaml.YAMLError:
            shown = "a secret value" if is_from_file else repr(text)
            problems.append(f"environment: {variable}: {shown} is not YAML.")
    return variables, problems


def _login_keys(environ: Mapping[str, str]) -> list[str]:
    """Keys of login services that the environment gives, itself or in a file."""
    names = (name.removeprefix(ENVIRONMENT_PREFIX) for name in sorted(environ))
    keys = (name.removesuffix("_FILE") for name in names)
    return [key for key in dict.fromkeys(keys) if is_login_key(key)]


def _login_services(
    values: Mapping[str, Any], document: YamlFile, variables: Mapping[str, Any]
) -> tuple[dict[str, LoginService], list[str]]:
    services, problems = read_services(
        {key: value for key, value in values.items() if is_login_key(key)}
    )
    return services, [
        f"{_place_of(problem.location, document, variables)}{problem.text}" for problem in problems
    ]


def _origin(key: str, document: YamlFile, variables: Mapping[str, Any]) -> Origin:
    if key in variables:
        return "environment"
    return "file" if key in document.values else "default"


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Variables with our prefix that do nothing.

    Only worth a warning: Kubernetes sets BERTH_PORT and others for a service named berth.
    """
    names = {ENVIRONMENT_PREFIX + key for key in Configuration.model_fields} | OTHER_VARIABLES
    login_keys = _login_keys(environ)
    names |= {ENVIRONMENT_PREFIX + key for key in login_keys}
    names |= {f"{ENVIRONMENT_PREFIX}{key}_FILE" for key in (*KEYS_FROM_FILES, *login_keys)}
    ours = (name for name in sorted(environ) if name.startswith(ENVIRONMENT_PREFIX))
    return [
        f"environment: {name} does nothing.{_hint(name, names)}"
        for name in ours
        if name not in names
    ]


def _deprecations(document: YamlFile, variables: Mapping[str, Any]) -> Iterator[str]:
    for key, advice in DEPRECATED_KEYS.items():
        if key in variables:
            yield f"environment: {ENVIRONMENT_PREFIX}{key} is deprecated: {advice}."
        elif key in document.values:
            place = _place(document.path, document.line((key,)))
            yield f"{place}: {key} is deprecated: {advice}."


def _sentence(detail: ErrorDetails, document: YamlFile, variables: Mapping[str, Any]) -> str:
    """One problem in words: where, which key, what is wrong and what was expected."""
    location = tuple(detail["loc"]) or (detail.get("ctx", {}).get("key", ""),)
    key = str(location[0])
    where = _place_of(location, document, variables)
    match detail["type"]:
        case "extra_forbidden":
            place = where.rpartition(": ")[0]
            return f"{place}: unknown key {key}.{_hint(key, Configuration.model_fields)}"
        case "impossible":
            return f"{where} {detail['msg']}."
    value = "a secret value" if key in SECRET_KEYS else repr(without_secrets(detail["input"]))
    return f"{where}: expected {_expected(detail)}, but found {value}."


def _expected(detail: ErrorDetails) -> str:  # noqa: PLR0911
    context = detail.get("ctx", {})
    match detail["type"]:
        case "bool_type" | "bool_parsing":
            return "true or false"
        case "int_type" | "int_parsing" | "int_from_float":
            return "a whole number"
        case "string_type":
            return "text (in quotes, if it looks like a number)"
        case "list_type":
            return "a list"
        case "dict_type":
            return "a mapping"
        case "literal_error" | "enum":
            return str(context["expected"])
        case "greater_than_equal":
            return f"at least {context['ge']}"
        case "less_than_equal":
            return f"at most {context['le']}"
        case "less_than":
            return f"less than {context['lt']}"
        case "too_short":
            return "a list with at least one entry"
        case "string_pattern_mismatch":
            return f"text that matches {context['pattern']}"
    return detail["msg"]


def _place_of(
    location: tuple[str | int, ...], document: YamlFile, variables: Mapping[str, Any]
) -> str:
    """Where a value stands and what it is called."""
    name = ".".join(map(str, location))
    if location[0] in variables:
        return f"environment: {ENVIRONMENT_PREFIX}{name}"
    return f"{_place(document.path, document.line(location))}: {name}"


def _place(path: Path | None, line: int | None) -> str:
    if path is None:
        return "configuration"
    return f"{path}, line {line}" if line else str(path)


def _hint(name: str, names: Any) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else " See docs/configuration.md for all keys."
