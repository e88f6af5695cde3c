"""What pages share: a change that a service refuses is told in one way."""

from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import get_messages
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.test import RequestFactory

from accounts.errors import AccountError, NameTaken
from artifacts.oci.errors import ManifestUnknown
from ui.forms import PageForm
from ui.pages import Page


class NameForm(PageForm):
    refusable = "name"

    name = forms.CharField()


class TitleForm(PageForm):
    title = forms.CharField(required=False)


class FormPage(Page):
    template = "ui/start/help.html"
    form: type[PageForm] = NameForm

    def get(self, request: HttpRequest) -> HttpResponse:
        raise NameTaken("acme")

    def post(self, request: HttpRequest) -> HttpResponse:
        self.filled(self.form(request.POST))
        raise NameTaken("acme")


class TitlePage(FormPage):
    form = TitleForm


class ButtonPage(Page):
    template = "ui/start/help.html"
    error: Exception = ManifestUnknown("acme/web has no manifest", reference="v1")

    def post(self, request: HttpRequest) -> HttpResponse:
        raise self.error

    @property
    def back(self) -> str:
        return "/acme"


class _Messages(BaseStorage):
    def _get(self, *args: Any, **kwargs: Any) -> Any:
        return [], True

    def _store(self, *args: Any, **kwargs: Any) -> Any:
        return []


def send(page: type[Page], data: dict[str, str], method: str = "post") -> tuple[Any, HttpRequest]:
    request: Any = getattr(RequestFactory(), method)("/x", data)
    request.user = AnonymousUser()
    request._messages = _Messages(request)
    return page.as_view()(request), request


def form_of(answer: Any) -> PageForm:
    assert isinstance(answer, TemplateResponse)
    assert answer.status_code == 422
    form: PageForm = (answer.context_data or {})["form"]
    return form


def test_a_refusal_stands_beside_its_field() -> None:
    form = form_of(send(FormPage, {"name": "acme"})[0])

    sentence = "The name 'acme' is already taken by a user or an organization."
    assert form.errors == {"name": [sentence]}


def test_a_refused_field_is_marked_like_one_that_the_form_found_wrong() -> None:
    refused = form_of(send(FormPage, {"name": "acme"})[0])
    wrong = form_of(send(FormPage, {"name": ""})[0])

    assert refused["name"].field.widget.attrs["class"] == "form-control b-invalid"
    assert wrong["name"].field.widget.attrs["class"] == "form-control b-invalid"


def test_a_refusal_of_no_field_is_about_the_whole_form() -> None:
    form = form_of(send(TitlePage, {"title": "x"})[0])

    assert list(form.errors) == ["__all__"]


def test_a_change_without_a_form_leads_back_with_the_reason() -> None:
    answer, request = send(ButtonPage, {})

    assert (answer.status_code, answer["Location"]) == (302, "/acme")
    assert [str(one) for one in get_messages(request)] == ["acme/web has no manifest."]


def test_what_is_no_change_does_not_hide_a_fault() -> None:
    with pytest.raises(AccountError):
        send(FormPage, {}, "get")
