"""``python -m tests.browser.screenshots [FOLDER]``: a picture of every page, as people see it."""

import os
import sys
import tempfile
from pathlib import Path

import django

DEFAULT_FOLDER = "screenshots"


def main(folder: Path) -> None:
    """Start a server with the showcase, and photograph every page in each look."""
    from tests.browser.harbour import open_harbour
    from tests.browser.visits import visits
    from tests.browser.windows import NARROW, WIDE, Scheme, Window, chromium

    looks: list[tuple[str, Scheme, int]] = [
        ("light", "light", WIDE),
        ("dark", "dark", WIDE),
        ("phone", "light", NARROW),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="berth-") as data,
        open_harbour(Path(data) / "data") as harbour,
        chromium() as browser,
    ):
        for look, scheme, width in looks:
            # Signed in anew: some pages ask for the password again after a while.
            people = ("alice", "admin")
            states = {person: harbour.sign_in(browser, person) for person in people}
            for visit in visits(harbour):
                state = states.get(visit.person)
                with Window(
                    browser, harbour.url, scheme=scheme, width=width, state=state
                ) as window:
                    window.page.goto(visit.path)
                    window.page.screenshot(path=folder / f"{visit.name}-{look}.png", full_page=True)
                    for fault in window.faults:
                        sys.stderr.write(f"{fault}\n")
                    window.faults.clear()
    sys.stdout.write(f"The pictures are in {folder}.\n")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    main(Path(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_FOLDER))
