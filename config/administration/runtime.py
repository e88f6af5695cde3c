"""Settings that administrators may change while Berth runs.

A value comes from the environment, else from ``config.yaml``, else from a row that an
administrator wrote, else it is the default. Rows are checked by the model that checks the file,
and ``settings.BERTH`` becomes what comes of it: whoever reads a key need not know of rows.

Every process looks at one number every few seconds (``rounds.py``) and reads the rows only when
it grew. A row that cannot be used is left out with a word in the log: it never stops a start.
"""

import json
import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from accounts.audit.services import Actor
from accounts.errors import AccountError
from accounts.users.services import bump_access_epoch
from config.administration.models import Setting, SettingsVersion
from config.keys.configuration import CHANGEABLE, Configuration
from config.keys.loading import LoadedConfiguration, refusals
from config.keys.values import Change

logger = logging.getLogger("config.runtime")  # a name that readers of logs know


class SettingRefused(AccountError):
    """A setting cannot be changed, or not to this."""


@dataclass(frozen=True, slots=True)
class Effective:
    """The configuration with the rows that can be used, and what is wrong with the others."""

    configuration: Configuration
    from_admin: frozenset[str]
    problems: Mapping[str, str]  # by key


@dataclass(slots=True)
class _Followed:
    """The rows that hold in this process."""

    version: int = 0


_followed = _Followed()
_following = threading.Lock()


def loaded() -> LoadedConfiguration:
    """What the environment and the file say."""
    from config import settings as module

    return module.loaded


def effective(base: LoadedConfiguration, rows: Iterable[Setting]) -> Effective:
    """``base`` with the rows over its defaults.

    All rows are tried together, since keys may need each other; when that fails, one by one in
    the order in which they were written.
    """
    wanted, problems = _readable(base, rows)
    try:
        return Effective(_with(base, wanted), frozenset(wanted), problems)
    except ValidationError:
        pass
    good: dict[str, Any] = {}
    configuration = base.configuration
    for key, value in wanted.items():
        try:
            configuration = _with(base, {**good, key: value})
            good[key] = value
        except ValidationError as error:
            problems[key] = " ".join(refusals(error))
    return Effective(configuration, frozenset(good), problems)


def stored() -> list[Setting]:
    return list(Setting.objects.order_by("changed_at", "key"))


def follow_settings() -> None:
    """Make changed settings hold in this process. Asks for one number, when nothing changed."""
    version = SettingsVersion.objects.values_list("number", flat=True).first() or 0
    with _following:
        if version == _followed.version:
            return
        in_force = effective(loaded(), stored())
        for key, problem in in_force.problems.items():
            logger.warning("the setting %s of an administrator is left out: %s", key, problem)
        _apply(in_force.configuration)
        _followed.version = version


def change_setting(*, key: str, value: Any, now: datetime, by: Actor) -> None:
    """Let ``key`` have another value than its default, from the next seconds on.

    Raises ``SettingRefused`` when it is fixed, given elsewhere, or the value is not right.
    """
    _check_changeable(key)
    row = Setting(
        key=key,
        value_json=json.dumps(to_jsonable_python(value)),
        changed_at=now,
        changed_by=by.name,
    )
    with transaction.atomic():
        _bump()
        in_force = effective(
            loaded(), [*Setting.objects.exclude(key=key).order_by("changed_at"), row]
        )
        if problem := in_force.problems.get(key):
            raise SettingRefused(problem)
        row.save()
        by.did("setting.change", key, now=now, place="", value=_shown(value))
        bump_access_epoch()
        transaction.on_commit(follow_settings)


def reset_setting(*, key: str, now: datetime, by: Actor) -> None:
    """Let ``key`` have its default again. Rows of any name can be taken away."""
    with transaction.atomic():
        _bump()
        if Setting.objects.filter(key=key).delete()[0]:
            by.did("setting.reset", key, now=now, place="")
            bump_access_epoch()
        transaction.on_commit(follow_settings)


def forget_followed() -> None:
    """Let hold what held at the start."""
    with _following:
        _apply(loaded().configuration)
        _followed.version = 0


def _check_changeable(key: str) -> None:
    if key not in CHANGEABLE:
        raise SettingRefused(f"{key} cannot be changed while Berth runs; set it in config.yaml")
    if (origin := loaded().origins[key]) != "default":
        place = "the environment" if origin == "environment" else "config.yaml"
        raise SettingRefused(f"{key} is set in {place}, which counts more; change it there")


def _readable(
    base: LoadedConfiguration, rows: Iterable[Setting]
) -> tuple[dict[str, Any], dict[str, str]]:
    wanted: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for row in rows:
        if row.key not in CHANGEABLE:
            problems[row.key] = "it is no setting that can be changed while Berth runs"
        elif base.origins[row.key] != "default":
            problems[row.key] = f"the {base.origins[row.key]} sets it, which counts more"
        else:
            try:
                wanted[row.key] = row.value
            except ValueError:
                problems[row.key] = "it is not JSON"
    return wanted, problems


def _with(base: LoadedConfiguration, changed: Mapping[str, Any]) -> Configuration:
    keys = {key for key, origin in base.origins.items() if origin != "default"}
    values = {key: getattr(base.configuration, key) for key in keys}
    return Configuration.model_validate({**values, **changed})


def _apply(configuration: Configuration) -> None:
    before, settings.BERTH = settings.BERTH, configuration
    changed = {key for key in CHANGEABLE if getattr(configuration, key) != getattr(before, key)}
    if "LOG_LEVEL" in changed:
        for logger_name in ("", "django"):
            logging.getLogger(logger_name).setLevel(configuration.LOG_LEVEL.value)
    if any(CHANGEABLE[key] is Change.DECIDES_RIGHTS for key in changed):
        # What this process decided since the change was committed, it decided by the old value.
        bump_access_epoch()


def _bump() -> None:
    """First in the transaction, so that two changes wait for each other."""
    if not SettingsVersion.objects.update(number=F("number") + 1):
        SettingsVersion.objects.create(pk=1, number=1)


def _shown(value: Any) -> str:
    text = json.dumps(to_jsonable_python(value))
    return text if len(text) <= 500 else f"{text[:500]}…"
