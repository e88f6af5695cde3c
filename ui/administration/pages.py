"""What the pages about the registry share: one head, and a tab for each."""

from typing import Any, ClassVar

from ui.pages import SuperuserPage


class RegistryPage(SuperuserPage):
    """``crumb`` is set on pages below a tab, and is what such a page is called."""

    nav = "system"
    tab: ClassVar[str] = ""
    crumb = ""

    def context(self) -> dict[str, Any]:
        return {**super().context(), "tab": self.tab, "crumb": self.crumb}
