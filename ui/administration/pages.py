"""What the pages about the registry share: one head, and a tab for each."""

from typing import Any, ClassVar

from ui.pages import SuperuserPage


class RegistryPage(SuperuserPage):
    """``crumb`` is set on pages below a tab, and is what such a page is called."""

    nav = "system"
    tab: ClassVar[str] = ""
    crumb = ""

    def context(self) -> dict[str, Any]:
        of_the_tab = "" if self.tab == "overview" else self.tab.capitalize()
        return {**super().context(), "tab": self.tab, "crumb": self.crumb or of_the_tab}
