"""Every component of the pages with its class, for who builds pages. Served in development only."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

from artifacts.kinds.kinds import Kind
from ui.commands.pull import TOOLS, Command, Group, preferring
from ui.display.code import code_lines
from ui.forms import PageForm
from ui.pages import Page

SIZES = (12, 13, 14, 16, 20, 24)
_YAML = "# What the first page is called.\ntitle: Welcome\nreplicas: 1\n"
_DIGEST = "sha256:" + "0123456789abcdef" * 4

_PULLS = Group(
    "b-ways",
    [Command(tool, f"{tool} pull registry.example.com/acme/web:v1") for tool in TOOLS[:2]],
)


class ExampleForm(PageForm):
    """One field of each sort; sent with no name, so that one is refused."""

    name = forms.CharField(label="Name", help_text="What a field says of itself")
    about = forms.CharField(label="Description", required=False)
    text = forms.CharField(label="Text", required=False, widget=forms.Textarea({"rows": 3}))
    role = forms.ChoiceField(label="Role", choices=[("read", "Read"), ("write", "Write")])
    kind = forms.ChoiceField(
        label="Kind", choices=[("a", "One"), ("b", "Other")], widget=forms.RadioSelect
    )
    agreed = forms.BooleanField(label="A box to tick", required=False)


class StyleguidePage(Page):
    template = "ui/start/styleguide.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        if not settings.IS_DEVELOPMENT:
            raise Http404
        return self.render(**self._examples())

    def _examples(self) -> dict[str, Any]:
        form = ExampleForm({"role": "write", "kind": "b"})
        form.add_error(None, "What is wrong with the whole form.")
        today = self.now.date()
        return {
            "sizes": SIZES,
            "form": form,
            "kinds": list(Kind),
            "digest": _DIGEST,
            "group": preferring("docker", [_PULLS])[0],
            "code": code_lines(_YAML, "yaml"),
            "counts": [3, 5, 2, 8, 13, 9, 12],
            "days": [((today - timedelta(days=6 - at)).isoformat(), at * 3) for at in range(7)],
            "stored": [(today - timedelta(days=6 - at), (at + 2) << 20) for at in range(7)],
        }
