"""The first start, with real processes: who the administrator is, and what they see first."""

import re
from pathlib import Path

import requests

from tests.live import ADMIN_PASSWORD, RunningServer, log_of, start_server

NEW = "another horse battery staple"
_SECONDS = 60


def post(session: requests.Session, url: str, **form: str) -> requests.Response:
    """Send a form as a browser does, with the token that its page holds."""
    page = session.get(url, timeout=_SECONDS)
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert found
    data = {"csrfmiddlewaretoken": found.group(1), **form}
    return session.post(url, data=data, headers={"Referer": url}, timeout=_SECONDS)


def login_status(server: RunningServer, password: str) -> int:
    answer = requests.get(f"{server.url}/v2/auth", auth=("admin", password), timeout=_SECONDS)
    return answer.status_code


def test_the_printed_password_signs_in_and_must_be_changed(tmp_path: Path) -> None:
    server = start_server(
        tmp_path / "data", environment={"BERTH_ADMIN_PASSWORD": ""}, is_first_start=True
    )
    try:
        found = re.search(r"^  Password  (\S+)$", log_of(server.data).read_text(), re.MULTILINE)
        assert found
        printed = found.group(1)
        browser = requests.Session()

        entered = post(browser, f"{server.url}/account/login/", login="admin", password=printed)
        assert entered.url == f"{server.url}/account/password/change/"
        assert browser.get(f"{server.url}/settings", timeout=_SECONDS).url == entered.url
        assert login_status(server, printed) == 200

        changed = post(browser, entered.url, oldpassword=printed, password1=NEW, password2=NEW)
        assert changed.url == f"{server.url}/setup"
        assert "Your registry is ready" in changed.text
        assert (login_status(server, printed), login_status(server, NEW)) == (401, 200)
    finally:
        server.stop()


def test_a_password_that_was_given_need_not_be_changed(live_registry: RunningServer) -> None:
    browser = requests.Session()

    post(browser, f"{live_registry.url}/account/login/", login="admin", password=ADMIN_PASSWORD)

    page = browser.get(f"{live_registry.url}/settings", timeout=_SECONDS)
    assert page.url == f"{live_registry.url}/settings"
