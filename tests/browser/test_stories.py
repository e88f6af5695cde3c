"""What people do from the first account on, with real clients beside a real browser.

Each story is told twice: with JavaScript, and without.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.contents import chart
from tests.browser.harbour import Harbour
from tests.browser.stories import PASSWORD, Person, administer, one_time_code
from tests.clients.conftest import home
from tests.clients.run import Home, client

__all__ = ["home"]

ORAS = {"ORAS_PASSWORD": PASSWORD}
OFFLINE = ["--tlog-upload=false", "--use-signing-config=false", "--yes", "--allow-http-registry"]
ROOT = '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'

Enter = Callable[[str], Person]


@pytest.fixture(params=[True, False], ids=["javascript", "plain"])
def javascript(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def enter(javascript: bool, harbour: Harbour, open_window: OpenWindow, home: Home) -> Enter:
    """Somebody new, with a name that is different with and without JavaScript."""

    def somebody(name: str) -> Person:
        full = f"{name}-{'js' if javascript else 'plain'}"
        person = Person(full, open_window(javascript=javascript), harbour, home)
        person.sign_up()
        return person

    return somebody


def test_a_chart_from_the_first_account_to_its_page(enter: Enter, javascript: bool) -> None:
    person = enter("helmut")
    organization = "helm" if javascript else "helm-plain"
    person.make_organization(organization)

    person.login("helm3")
    archive = person.home.folder / "etherpad-0.0.4.tgz"
    archive.write_bytes(chart("0.0.4"))
    address = f"oci://{person.host}/{organization}"
    person.home.run(client("helm3"), "push", "--plain-http", archive, address)

    person.window.goto(f"/{organization}")
    person.page.get_by_role("link", name="etherpad").first.click()
    person.page.get_by_role("link", name="0.0.4").first.click()
    person.sees("A collaborative editor", "values.yaml", "pullPolicy: IfNotPresent", "postgresql")
    person.sees("real-time editor for documents", "helm install")


def test_an_image_that_podman_built(enter: Enter) -> None:
    person = enter("paula")
    name = f"{person.host}/{person.name}/hello:v1"
    person.login("podman")
    folder = person.home.folder / "context"
    folder.mkdir()
    (folder / "Containerfile").write_text("FROM scratch\nCOPY greeting /srv/\nENV MOOD=calm\n")
    (folder / "greeting").write_text(f"hello {person.name}\n")
    podman = [
        client("podman"),
        f"--root={person.home.folder}/s",
        f"--runroot={person.home.folder}/r",
        "--storage-driver=vfs",
        "--events-backend=file",
        "--cgroup-manager=cgroupfs",
    ]
    person.home.run(*podman, "build", "--quiet", "--isolation=chroot", f"--tag={name}", folder)
    person.home.run(*podman, "push", "--quiet", "--tls-verify=false", name)

    person.window.goto(f"/{person.name}/hello")
    person.sees("Private")
    person.window.goto(f"/{person.name}/hello/-/tags/v1")
    person.sees("MOOD", "calm", "podman pull")


def test_an_artifact_that_expires_shows_when(enter: Enter) -> None:
    person = enter("oscar")
    reference = f"{person.host}/{person.name}/notes:v1"
    (person.home.folder / "notes.md").write_text(f"# Notes of {person.name}\n")
    oras(person, "-annotation", "quay.expires-after=2d", "push", reference, "notes.md")

    person.window.goto(f"/{person.name}/notes/-/tags/v1")
    day = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    expect(person.page.locator(f'main time[datetime^="{day}"]').first).to_be_visible()
    person.sees("notes.md")


def test_what_is_attached_stands_in_the_graph(enter: Enter) -> None:
    person = enter("greta")
    reference = f"{person.host}/{person.name}/web:v1"
    person.login("skopeo")
    person.push_image(f"{person.name}/web:v1")
    (person.home.folder / "sbom.json").write_text('{"spdxVersion": "SPDX-2.3"}')
    attached = oras(person, "attach", reference, "application/spdx+json", "sbom.json")

    person.window.goto(f"/{person.name}/web/-/tags/v1")
    person.sees("application/spdx+json")
    expect(person.page.locator("main svg a, main svg title").first).to_be_attached()
    person.page.locator(f'main a[href*="{attached.strip()}"]').first.click()
    person.sees("sbom.json")


def test_a_signature_is_judged_by_the_key_that_was_registered(enter: Enter) -> None:
    person = enter("simon")
    person.make_organization(f"{person.name}-org")
    repository = f"{person.name}-org/web"
    home = Home(person.home.folder, {"COSIGN_PASSWORD": ""})
    home.run(client("cosign3"), "generate-key-pair")
    person.window.goto(f"/{person.name}-org/-/keys")
    person.page.locator("#id_name").fill("release")
    person.page.locator("#id_pem").fill((home.folder / "cosign.pub").read_text())
    person.press("Register the key")
    person.sees("release")

    person.login("skopeo")
    digest = person.push_image(f"{repository}:v1")
    person.window.goto(f"/{repository}/-/tags/v1")
    person.sees("Not signed")
    sign(person, home, f"{person.host}/{repository}@{digest}")

    person.window.goto(f"/{repository}/-/tags/v1")
    person.sees("Verified by the key release")
    person.window.goto(f"/{repository}/-/signatures")
    person.sees("v1", "release")


def test_a_type_that_an_administrator_blocks_is_refused_with_the_reason(
    enter: Enter, open_window: OpenWindow, javascript: bool
) -> None:
    person = enter("bella")
    organization = f"{person.name}-org"
    person.make_organization(organization)
    person.login("skopeo")
    person.push_image(f"{organization}/web:v1")

    admin = open_window(javascript=javascript)
    page = administer(admin)
    admin.goto(f"/admin/organizations/organization/?q={organization}")
    page.get_by_role("link", name=organization).first.click()
    page.get_by_label("Artifact policy").select_option(label="Helm only")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()

    said = person.push_refused(f"{organization}/web:v2")
    assert "is blocked by the artifact policy 'Helm only'" in said
    assert organization in said
    person.window.goto(f"/{organization}/-/policy")
    person.sees("Helm only")


def test_a_tag_is_deleted_and_comes_back(enter: Enter) -> None:
    person = enter("tilda")
    person.login("skopeo")
    person.push_image(f"{person.name}/web:v1")
    crane = [client("crane"), "--insecure", "digest", f"{person.host}/{person.name}/web:v1"]
    person.login("crane")
    digest = person.home.run(*crane)

    person.window.goto(f"/{person.name}/web/-/tags")
    person.page.get_by_label("Choose v1").check()
    person.press("Delete")
    person.press("Delete")
    assert "the tag v1 was deleted on" in person.home.refused(*crane)

    person.window.goto(f"/{person.name}/web/-/history")
    person.press("Restore")
    assert person.home.run(*crane) == digest
    person.press("Undo")
    person.sees("v1 is gone again")


def test_a_robot_pushes_with_the_token_that_was_shown_once(enter: Enter) -> None:
    person = enter("robin")
    person.login("skopeo")
    person.push_image(f"{person.name}/web:v1")
    person.window.goto(f"/{person.name}/-/new-robot")
    person.page.locator("#id_name").fill("ci")
    person.press("Create robot and show its token")
    person.page.locator("main input[name=password]").fill(PASSWORD)  # it never expires
    person.press("Confirm")
    robot = f"{person.name}+ci"
    token = person.page.get_by_role("main").locator("dd code").nth(1).inner_text()

    person.login("skopeo", robot, token)
    person.push_refused(f"{person.name}/web:v2")
    person.window.goto(f"/{person.name}/web/-/access")
    person.page.locator("#id_name").fill(robot)
    person.page.locator("#id_role").select_option("write")
    person.press("Give role")
    person.sees(robot)
    person.push_image(f"{person.name}/web:v2")

    person.window.goto(f"/{person.name}/-/robots/ci")
    assert token not in person.window.text()
    person.window.goto(f"/{person.name}/web/-/activity")
    person.sees(robot)


def test_a_second_factor_is_asked_for(enter: Enter) -> None:
    person = enter("fiona")
    person.window.goto("/account/2fa/totp/activate/")
    if person.page.locator("main input[name=password]").count():
        person.page.locator("main input[name=password]").fill(PASSWORD)
        person.press("Confirm")
    secret = person.page.locator("#authenticator_secret").input_value()
    now = time.time()
    person.page.locator("main input[name=code]").fill(one_time_code(secret, at=now))
    person.press("Turn on")
    person.sees("ecovery")

    person.window.context.clear_cookies()
    person.window.sign_in(person.name, PASSWORD)
    person.page.locator("main input[name=code]").fill("000000")
    person.page.locator("main input[name=code]").press("Enter")
    person.sees("This code is wrong")
    person.page.locator("main input[name=code]").fill(one_time_code(secret, at=now + 30))
    person.page.locator("main input[name=code]").press("Enter")
    person.page.wait_for_load_state()
    person.window.goto("/settings")
    person.sees(person.name)
    login = [client("skopeo"), "login", "--tls-verify=false", "--password-stdin", person.host]
    person.home.refused(*login, "--username", person.name, stdin=PASSWORD)

    person.window.goto("/settings/tokens")
    person.page.locator("#id_title").fill("laptop")
    person.press("Make token")
    token = person.page.locator("main .b-command code").first.inner_text().strip()
    person.home.said(*login, "--username", "$app", stdin=token)


def oras(person: Person, *arguments: str) -> str:
    home = Home(person.home.folder, {**ORAS, "ORAS_USERNAME": person.name})
    return home.run(client("oras-go-client"), "-plain-http", *arguments)


def sign(person: Person, home: Home, reference: str) -> None:
    """With cosign and the key in its folder, asking nobody but the registry."""
    (home.folder / "trusted_root.json").write_text(ROOT)
    login = ["--registry-username", person.name, "--registry-password", PASSWORD]
    root = "--trusted-root=trusted_root.json"
    home.said(client("cosign3"), "sign", "--key=cosign.key", root, *OFFLINE, *login, reference)
