"""Berth without this package, as if its folder had been deleted."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from artifacts.oci.digest import Digest
from artifacts.oci.documents import OTHER_SCHEMAS
from registry.api.distribution.conversions import CONVERSIONS
from registry.gc.fsck import check_manifests
from registry.gc.report import Report
from registry.repositories.models import Repository
from tests.live import ROOT, server_environment
from tests.registry.api.docker_v1.schema1.made import SCHEMA1, schema1, signed, written
from tests.registry.builders import hold

ABOUT = """
import sys
sys.modules["registry.api.docker_v1"] = None
import django
django.setup()
from django.core.management import call_command
from django.urls import Resolver404, resolve
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import ManifestTypeUnsupported
from artifacts.oci.media_types import SCHEMA1
from registry.api.doors import is_for_programs
call_command("check", fail_level="WARNING")
print(resolve("/v2/").view_name, is_for_programs("/v1/_ping"))
try:
    print(resolve("/v1/_ping").view_name)
except Resolver404:
    print("no such route")
try:
    ManifestDocument.parse(b"{}", SCHEMA1)
except ManifestTypeUnsupported as error:
    print(error.reason)
"""


def test_everything_else_goes_on_without_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ABOUT],
        cwd=ROOT,
        env={
            **server_environment(tmp_path),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "BERTH_SECRET_KEY": "only-for-this-0123456789-0123456789",
            "BERTH_FEATURE_DOCKER_V1": "false",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.splitlines()[1:] == [
        "distribution:root False",
        "no such route",
        "manifests of type 'application/vnd.docker.distribution.manifest.v1+json' are not"
        " supported",
    ]


@pytest.fixture
def stored(pusher: Client, repository: Repository) -> Iterator[bytes]:
    """A manifest that was pushed while there was somebody who could read it."""
    hold(repository, b"a layer")
    body = signed(written(schema1(str(Digest.of(b"a layer")))))
    assert pusher.generic("PUT", "/v2/acme/web/manifests/v1", body, SCHEMA1).status_code == 201
    schemas, conversions = list(OTHER_SCHEMAS), list(CONVERSIONS)
    OTHER_SCHEMAS.clear()
    CONVERSIONS.clear()
    yield body
    OTHER_SCHEMAS[:], CONVERSIONS[:] = schemas, conversions


def test_what_was_pushed_before_is_pulled_as_it_is(pusher: Client, stored: bytes) -> None:
    pulled = pusher.get("/v2/acme/web/manifests/v1", headers={"accept": SCHEMA1})

    assert pulled.content == stored


def test_what_was_pushed_before_is_not_taken_for_damaged(stored: bytes) -> None:
    report = Report()

    check_manifests(report=report)

    assert [problem.partition(": ")[2] for problem in report.problems] == [
        "manifests of type 'application/vnd.docker.distribution.manifest.v1+prettyjws' are not"
        " supported, so it cannot be checked"
    ]
