"""Two versions run side by side during an upgrade, so a migration only adds.

What the version before uses stays for one release: expand, then contract. Migrations up to those
below were there before anybody could upgrade.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import models
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

BEFORE = {
    "announcements": "0001_announcements",
    "audit": "0003_occasions",
    "blobs": "0004_closed_sessions",
    "charts": "0005_refused",
    "config": "0001_settings",
    "credentials": "0004_token_scopes",
    "events": "0003_wishes",
    "gc": "0002_turns",
    "inspection": "0001_attempts",
    "mail": "0001_outgoing",
    "manifests": "0007_names_of_blobs_and_manifests",
    "organizations": "0004_invitations",
    "policy": "0002_presets",
    "queue": "0001_initial",
    "repositories": "0007_stars",
    "retention": "0001_initial",
    "statistics": "0003_refused_host",
    "storage": "0001_uploads_into_s3",
    "tags": "0005_versions_as_helm_reads_them",
    "users": "0004_addresses_of_several",
    "verification": "0001_keys_and_verdicts",
}
# Migrations that take away what no code of the release before used, as "app.name".
CONTRACTING: frozenset[str] = frozenset()

_TAKES_AWAY = (
    operations.RemoveField,
    operations.RenameField,
    operations.DeleteModel,
    operations.RenameModel,
    operations.AlterModelTable,
)


def danger(operation: Operation, state: ProjectState, app: str, *, may_contract: bool) -> str:
    """Why the version before would fail, or wait long, beside this; empty: it would not.

    Args:
        state: the models before the operation.
    """
    if isinstance(operation, _TAKES_AWAY) and not may_contract:
        return "it takes away what the version before uses"
    if isinstance(operation, operations.AddField | operations.AlterField):
        return _danger_of_field(operation, state, app)
    if isinstance(operation, operations.AddIndex) and not isinstance(
        operation, AddIndexConcurrently
    ):
        return "it keeps writers out while it makes an index: use AddIndexConcurrently"
    return ""


def _danger_of_field(
    operation: operations.AddField | operations.AlterField, state: ProjectState, app: str
) -> str:
    field = operation.field
    if field.null or field.many_to_many or field.db_default is not models.NOT_PROVIDED:
        return ""
    if isinstance(operation, operations.AddField):
        return "the version before does not fill it: let it be NULL, or have a db_default"
    known = state.models[app, operation.model_name_lower].fields[operation.name]
    return "the version before may leave it empty" if known.null else ""


def dangers() -> Iterator[str]:
    loader = MigrationLoader(None)
    for app, last in BEFORE.items():
        for key in sorted(key for key in loader.disk_migrations if key[0] == app and key[1] > last):
            migration = loader.disk_migrations[key]
            new = {
                operation.name_lower
                for operation in migration.operations
                if isinstance(operation, operations.CreateModel)
            }
            state = loader.project_state(key, at_end=False)
            may_contract = ".".join(key) in CONTRACTING
            for operation in migration.operations:
                about = getattr(operation, "model_name", "").lower()
                found = danger(operation, state, app, may_contract=may_contract)
                if found and about not in new:
                    yield f"{app}.{key[1]}: {operation.describe()}: {found}"
                operation.state_forwards(app, state)


def test_no_migration_breaks_the_version_before() -> None:
    assert list(dangers()) == []


def test_every_app_of_ours_is_watched() -> None:
    ours = {
        label
        for label, name in MigrationLoader(None).disk_migrations
        if not apps.get_app_config(label).name.startswith(("django.", "allauth"))
    }

    assert ours == set(BEFORE)


@pytest.fixture
def state() -> ProjectState:
    found = ProjectState()
    fields: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("known", models.TextField(null=True)),
    ]
    operations.CreateModel("Thing", fields).state_forwards("app", found)
    return found


INDEX = models.Index(fields=["known"], name="things_by_known")


@pytest.mark.parametrize(
    "operation",
    [
        operations.AddField("thing", "new", models.TextField()),
        operations.AddField("thing", "new", models.TextField(default="x")),
        operations.AlterField("thing", "known", models.TextField()),
        operations.RemoveField("thing", "known"),
        operations.RenameField("thing", "known", "other"),
        operations.DeleteModel("thing"),
        operations.RenameModel("thing", "other"),
        operations.AlterModelTable("thing", "other"),
        operations.AddIndex("thing", INDEX),
    ],
    ids=lambda operation: operation.describe(),
)
def test_what_is_dangerous_is_told(operation: Operation, state: ProjectState) -> None:
    assert danger(operation, state, "app", may_contract=False)


@pytest.mark.parametrize(
    "operation",
    [
        operations.AddField("thing", "new", models.TextField(null=True)),
        operations.AddField("thing", "new", models.TextField(db_default="")),
        operations.AlterField("thing", "known", models.TextField(db_default="")),
        AddIndexConcurrently("thing", INDEX),
        operations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True))]),
    ],
    ids=lambda operation: operation.describe(),
)
def test_what_only_adds_is_not(operation: Operation, state: ProjectState) -> None:
    assert danger(operation, state, "app", may_contract=False) == ""


def test_what_nobody_uses_any_more_may_go(state: ProjectState) -> None:
    operation = operations.RemoveField("thing", "known")

    assert danger(operation, state, "app", may_contract=True) == ""
