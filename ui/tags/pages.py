"""What the pages about a repository's tags share."""

from typing import Any

from django.conf import settings

from registry.tags.time_machine import time_machine_of
from ui.display.amounts import distance
from ui.pages import RepositoryPage
from ui.repository_rows import summary_of


class TagsPage(RepositoryPage):
    tab = "tags"

    def context(self) -> dict[str, Any]:
        time_machine = time_machine_of(self.repository.namespace)
        return {
            **super().context(),
            "kind": self.repository.kind,
            "summary": summary_of(self.repository.description),
            "time_machine": time_machine,
            "time_machine_text": distance(time_machine),
            "may_forget": settings.BERTH.PERMANENTLY_DELETE_TAGS and "delete" in self.rights,
        }
