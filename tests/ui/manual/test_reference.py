"""The page of the operations of the management API."""

import pytest

from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db


def test_the_page_leads_to_both_documents() -> None:
    text = browser().get("/docs/api/reference").content.decode()

    assert {"/api/v1/openapi.json", "/api/v1/discovery"} <= set(text.split('"'))
