"""What the pages about a repository's tags share."""

from typing import Any

from django.conf import settings
from django_htmx.middleware import HtmxDetails

from registry.tags.time_machine import time_machine_of
from ui.amounts import distance
from ui.pages import RepositoryPage
from ui.repository_rows import summary_of


class TagsPage(RepositoryPage):
    tab = "tags"

    @property
    def wants_part(self) -> bool:
        """Whether htmx asks for what changes alone. When it goes back, it needs the whole page."""
        htmx = HtmxDetails(self.request)
        return bool(htmx) and not htmx.history_restore_request

    def context(self) -> dict[str, Any]:
        time_machine = time_machine_of(self.repository.namespace)
        return {
            **super().context(),
            "kind": self.repository.kind,
            "summary": summary_of(self.repository.description),
            "time_machine": time_machine,
            "time_machine_text": distance(time_machine),
            "may_forget": settings.PERMANENTLY_DELETE_TAGS and "delete" in self.rights,
        }
