"""DISTRIBUTED_STORAGE_CONFIG: drivers, their parameters, and that secrets stay secret."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_django import Settings

from config.keys.loading import ConfigurationError, load_configuration
from config.keys.places import blob_folder, storage_settings
from config.management.commands.check_config import explain
from config.serving.doctor import Finding, examine
from tests.s3_server import SECRET_KEY, S3Server

DATA = Path("/srv/data")


def loaded(*parts: Any) -> str:
    """What ``check_config`` shows of a configuration with this driver."""
    return explain(load_configuration(environment(*parts)), {})


def environment(*parts: Any) -> dict[str, str]:
    return {"BERTH_DISTRIBUTED_STORAGE_CONFIG": yaml.safe_dump({"default": list(parts)})}


def refusal(*parts: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        loaded(*parts)
    (problem,) = caught.value.problems
    return problem


def test_a_relative_folder_starts_in_the_data_folder() -> None:
    driver, parameters = storage_settings("LocalStorage", {"storage_path": "blobs"}, data=DATA)

    assert blob_folder(driver, parameters) == DATA / "blobs"


def test_a_folder_in_a_bucket_is_no_folder_on_this_machine() -> None:
    given = {"s3_bucket": "registry", "storage_path": "/berth/"}

    driver, parameters = storage_settings("S3Storage", given, data=DATA)

    assert parameters["storage_path"] == "berth"
    assert blob_folder(driver, parameters) is None


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, ""),
        ({"host": "s3.example.com"}, "https://s3.example.com"),
        ({"host": "s3.example.com", "port": 9000}, "https://s3.example.com:9000"),
        ({"endpoint_url": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000"),
    ],
)
def test_a_server_may_be_written_as_quay_does(given: dict[str, Any], url: str) -> None:
    _, parameters = storage_settings("S3Storage", {"s3_bucket": "b", **given}, data=DATA)

    assert parameters["endpoint_url"] == url


def test_cephs_gateway_is_a_server_that_speaks_s3() -> None:
    given = {
        "hostname": "rgw.example.com",
        "is_secure": False,
        "port": 8080,
        "access_key": "a",
        "secret_key": "s",
        "bucket_name": "registry",
    }

    driver, parameters = storage_settings("RadosGWStorage", given, data=DATA)

    assert driver == "S3Storage"
    assert parameters["endpoint_url"] == "http://rgw.example.com:8080"
    assert parameters["s3_bucket"] == "registry"
    assert (parameters["s3_access_key"], parameters["s3_secret_key"]) == ("a", "s")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["S3"], "one of the drivers LocalStorage, S3Storage"),
        (["SwiftStorage", {}], "one of the drivers LocalStorage, S3Storage"),
        (["LocalStorage", {"storage_path": ""}], "storage_path"),
        (["S3Storage", {}], "it needs s3_bucket"),
        (["S3Storage", {"s3_bucket": "b", "s3_acess_key": "x"}], "did you mean s3_access_key?"),
        (["S3Storage", {"s3_bucket": "b", "s3_access_key": "x"}], "go together"),
        (["S3Storage", {"s3_bucket": "b", "port": 1}], "port needs host"),
        (["S3Storage", {"s3_bucket": "b", "endpoint_url": "s3.example.com"}], "https://HOST"),
        (
            ["S3Storage", {"s3_bucket": "b", "endpoint_url": "https://a", "host": "a"}],
            "endpoint_url takes the place of host and port",
        ),
    ],
)
def test_what_is_no_driver_is_refused_with_what_was_expected(parts: list[Any], said: str) -> None:
    problem = refusal(*parts)

    assert said in problem
    assert "DISTRIBUTED_STORAGE_CONFIG" in problem


def test_keys_are_never_shown() -> None:
    keys = {"s3_access_key": "hidden-name", "s3_secret_key": "hidden-secret"}
    misspelled = {"s3_acess_key": "hidden-name", "s3_secretkey": "hidden-secret"}

    shown = [
        loaded("S3Storage", {"s3_bucket": "registry-blobs", **keys}),
        refusal("S3Storage", {"s3_bucket": "registry-blobs", **keys, "unknown": 1}),
        refusal("S3Storage", {"s3_bucket": "registry-blobs", **misspelled}),
    ]

    assert all("registry-blobs" in text for text in shown)
    assert not any("hidden" in text for text in shown)


def test_what_is_no_yaml_is_not_shown_either() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_configuration({"BERTH_DISTRIBUTED_STORAGE_CONFIG": "{s3_secret_key: hidden"})

    assert "is not YAML" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_the_whole_of_it_may_come_from_a_file(tmp_path: Path) -> None:
    (variables,) = environment("S3Storage", {"s3_bucket": "from-a-file"}).values()
    (tmp_path / "secret").write_text(variables)

    found = load_configuration({"BERTH_DISTRIBUTED_STORAGE_CONFIG_FILE": str(tmp_path / "secret")})

    assert found.configuration.DISTRIBUTED_STORAGE_CONFIG["default"][1] == {
        "s3_bucket": "from-a-file"
    }
    assert not found.warnings


@pytest.mark.django_db
def test_the_doctor_tries_the_bucket(settings: Settings, s3_server: S3Server) -> None:
    found = examined(settings, s3_server.parameters())

    assert found.is_fine
    assert "can be written, read, listed and deleted from" in found.text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"s3_bucket": "absent-bucket"}, "there is no bucket absent-bucket"),
        ({"s3_secret_key": f"{SECRET_KEY}-wrong"}, "403"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_the_bucket(
    settings: Settings, s3_server: S3Server, wrong: dict[str, str], said: str
) -> None:
    found = examined(settings, {**s3_server.parameters(), **wrong})

    assert not found.is_fine
    assert said in found.text
    assert "DISTRIBUTED_STORAGE_CONFIG" in found.cure
    assert SECRET_KEY not in found.text


def examined(settings: Settings, parameters: dict[str, Any]) -> Finding:
    """What the doctor says of the storage."""
    driver, all_of_them = storage_settings("S3Storage", parameters, data=DATA)
    settings.DISTRIBUTED_STORAGE_CONFIG = {"default": [driver, all_of_them]}
    settings.DISTRIBUTED_STORAGE_PREFERENCE = ["default"]
    settings.BLOB_STORE_ROOT = None
    now = datetime.now(UTC)
    return next(finding for finding in examine(now=now) if finding.name == "storage")
