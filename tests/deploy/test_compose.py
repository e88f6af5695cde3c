"""Compose: services start what Berth has, secrets are files, and only the proxy is reached."""

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import load_command_class

from config.keys.loading import load_configuration
from tests.clients.run import client
from tests.deploy.variables import unknown_variables
from tests.live import ROOT

FOLDER = ROOT / "deploy/compose"
DRAIN_SECONDS = 20  # of the web server: config/serving/processes.py
BERTHS = ("migrate", "web-1", "web-2", "worker", "beat")


def read(name: str) -> dict[str, Any]:
    found = yaml.safe_load((FOLDER / name).read_text())
    assert isinstance(found, dict)
    return found


BASE, STORES = read("compose.yaml"), read("compose.stores.yaml")
WATCHING = read("compose.watching.yaml")["services"]["prometheus"]
SERVICES: dict[str, dict[str, Any]] = {**STORES["services"], **BASE["services"]}


def dependencies() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for services in (BASE["services"], STORES["services"]):
        for name, service in services.items():
            found.setdefault(name, set()).update(service.get("depends_on", ()))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy with the secrets that the script makes."""
    copy = tmp_path / "compose"
    shutil.copytree(FOLDER, copy)
    subprocess.run([copy / "make_secrets"], check=True)
    return copy


@pytest.mark.parametrize("name", BERTHS)
def test_a_service_starts_what_berth_has(name: str) -> None:
    command, *arguments = SERVICES[name]["command"]

    parser = load_command_class("config", command).create_parser("berth", command)
    given = parser.parse_args(arguments)
    assert command == "migrate" or given.only == name.partition("-")[0]


@pytest.mark.parametrize("name", BERTHS)
def test_variables_mean_something_to_berth(name: str) -> None:
    assert unknown_variables(SERVICES[name]["environment"]) == set()


@pytest.mark.parametrize("name", BERTHS)
def test_a_service_may_do_nothing_but_its_work(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]
    assert service["environment"]["BERTH_DATA"] == ""


@pytest.mark.parametrize("name", BERTHS)
def test_a_service_has_the_time_to_finish_what_is_under_way(name: str) -> None:
    announced = int(SERVICES[name]["environment"]["BERTH_DRAIN_SECONDS"])

    grace = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    assert grace > announced + DRAIN_SECONDS


def test_the_proxy_sees_in_time_that_a_server_is_about_to_end() -> None:
    text = (FOLDER / "Caddyfile").read_text()
    interval, timeout = (
        int(re.findall(rf"health_{name} (\d+)s", text)[0]) for name in ("interval", "timeout")
    )

    announced = int(SERVICES["web-1"]["environment"]["BERTH_DRAIN_SECONDS"])
    assert announced > interval + timeout


def test_prometheus_asks_each_web_server_with_the_token_that_they_know() -> None:
    (job,) = read("prometheus.yaml")["scrape_configs"]

    assert job["static_configs"] == [{"targets": ["web-1:8080", "web-2:8080"]}]
    assert (
        job["authorization"]["credentials_file"]
        == (SERVICES["web-1"]["environment"]["BERTH_METRICS_TOKEN_FILE"])
    )


def test_prometheus_has_the_secret_and_the_rules() -> None:
    mounted = [volume.split(":")[:2] for volume in WATCHING["volumes"]]
    (rules,) = read("prometheus.yaml")["rule_files"]

    assert WATCHING["secrets"] == ["METRICS_TOKEN"]
    assert [(FOLDER / source).is_file() for source, to in mounted if to.endswith(rules)] == [True]


def test_prometheus_is_reached_from_this_machine_alone() -> None:
    assert all(port.startswith("127.0.0.1:") for port in WATCHING["ports"])


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


def test_stores_are_reached_from_inside_only() -> None:
    for name in STORES["services"].keys() - BASE["services"].keys():
        assert SERVICES[name]["networks"] == ["inside"]
    assert SERVICES["proxy"]["networks"] == ["outside"]


def test_tables_are_made_before_anything_serves() -> None:
    for name in BERTHS[1:]:
        assert SERVICES[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"}
        }


def test_what_a_service_waits_for_exists() -> None:
    assert set().union(*dependencies().values()) <= SERVICES.keys()


def test_without_stores_nothing_waits_for_them() -> None:
    waited_for = set().union(
        *(set(found.get("depends_on", ())) for found in BASE["services"].values())
    )

    assert waited_for <= BASE["services"].keys()


@pytest.mark.parametrize("kind", ["secrets", "networks"])
def test_what_a_service_names_is_there(kind: str) -> None:
    there = {**BASE[kind], **STORES.get(kind, {})}

    assert {name for service in SERVICES.values() for name in service.get(kind, ())} <= set(there)


def test_volumes_that_services_name_are_there() -> None:
    there = {**BASE["volumes"], **STORES["volumes"]}
    named = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
        if not volume.startswith(".")
    }

    assert named == set(there)


def test_files_that_are_mounted_are_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            if volume.startswith("./"):
                assert (FOLDER / volume.partition(":")[0]).is_file()


def test_berth_understands_the_secrets_that_are_made(folder: Path, tmp_path: Path) -> None:
    environment = SERVICES["web-1"]["environment"]
    given = {
        name: value.replace("/run/secrets", str(folder / "secrets"))
        for name, value in environment.items()
        if name.endswith("_FILE")
    }

    loaded = load_configuration({**given, "BERTH_DATA": str(tmp_path)})
    assert len(loaded.configuration.SECRET_KEY) == 48
    assert loaded.configuration.DB_URI.startswith("postgresql://berth:")
    assert loaded.configuration.BROKER_URL == "redis://redis:6379/0"
    assert len(loaded.configuration.METRICS_TOKEN) == 48
    assert loaded.configuration.DISTRIBUTED_STORAGE_CONFIG["default"][0] == "S3Storage"


def test_the_database_and_the_store_have_the_same_secrets(folder: Path) -> None:
    secrets = folder / "secrets"
    password = (secrets / "POSTGRES_PASSWORD").read_text().strip()
    store = yaml.safe_load((secrets / "DISTRIBUTED_STORAGE_CONFIG").read_text())["default"][1]

    assert f":{password}@" in (secrets / "DB_URI").read_text()
    assert f"ROOT_SECRET_ACCESS_KEY={store['s3_secret_key']}\n" in (secrets / "s3.env").read_text()


def test_every_secret_that_a_service_reads_is_made(folder: Path) -> None:
    for secret in {**BASE["secrets"], **STORES["secrets"]}.values():
        assert (folder / secret["file"]).read_text().strip()


def test_secrets_are_for_containers_and_nobody_else(folder: Path) -> None:
    secrets = folder / "secrets"

    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o444}


def test_secrets_are_made_once(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in (folder / "secrets").iterdir()}

    subprocess.run([folder / "make_secrets"], check=True)

    assert {path.name: path.read_bytes() for path in (folder / "secrets").iterdir()} == before


def test_secrets_do_not_get_into_a_commit() -> None:
    ignored = (FOLDER / ".gitignore").read_text().splitlines()

    assert {".env", "secrets/"} <= set(ignored)


def test_the_example_names_variables_that_are_read() -> None:
    lines = (FOLDER / ".env.example").read_text().splitlines()
    names = {line.lstrip("#").partition("=")[0] for line in lines if "=" in line}
    text = "".join(path.read_text() for path in FOLDER.glob("compose*.yaml"))

    assert {name for name in names - {"COMPOSE_FILE"} if f"${{{name}" not in text} == set()


def test_the_proxy_leads_to_the_web_services_alone() -> None:
    told = subprocess.run(
        [client("caddy"), "adapt", "--adapter", "caddyfile", "--config", FOLDER / "Caddyfile"],
        env={"PATH": os.environ["PATH"], "SERVER_HOSTNAME": "registry.example.com"},
        capture_output=True,
        text=True,
        check=True,
    )
    (server,) = json.loads(told.stdout)["apps"]["http"]["servers"].values()

    (route,) = server["routes"]
    (handler,) = route["handle"][0]["routes"][0]["handle"]
    assert route["match"] == [{"host": ["registry.example.com"]}]
    assert [found["dial"] for found in handler["upstreams"]] == ["web-1:8080", "web-2:8080"]
    assert handler["health_checks"]["active"]["uri"] == "/readyz"
    assert handler["headers"]["request"]["delete"] == ["Forwarded"]
