"""Chromium in tests: one browser a run, contexts with the width of a phone, axe, screenshots to look at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from playwright.sync_api import Browser, Page, sync_playwright
from public_live import LiveCountry, Process

REPOSITORY = Path(__file__).resolve().parents[2]
AXE = REPOSITORY / "tests/browser/vendor/axe.min.js"
PICTURES = REPOSITORY / "test-results/browser"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    """The system's browser, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def running_browser(executable: str) -> Iterator[Browser]:
    """The system's Chromium without a window."""
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS + root)
        yield browser
        browser.close()


class Visitor:
    """One page in a context of its own; what the browser complains about is kept."""

    def __init__(self, browser: Browser, *, script: bool = True, dark: bool = False, **context: Any) -> None:
        options: dict[str, Any] = {"viewport": PHONE, "locale": "en-US", "java_script_enabled": script} | context
        self.context = browser.new_context(color_scheme="dark" if dark else "light", **options)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: Any) -> None:
        """Errors and warnings; the status of a page that is meant to be refused is none."""
        if message.type in ("error", "warning") and "the server responded with a status of 4" not in message.text:
            self.complaints.append(message.text)

    def picture(self, name: str) -> Path:
        """A screenshot of the whole page."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        file = PICTURES / f"{name}.png"
        self.page.screenshot(path=file, full_page=True)
        return file

    def assert_fits(self) -> None:
        """Nothing makes the page scroll sideways."""
        wide, room = self.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide <= room, f"{wide} pixels wide on {room}"

    def assert_accessible(self) -> None:
        """No finding of axe under WCAG 2.2 AA, and nothing that it was not able to run."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
        problems = [
            f"{rule['id']}: {node['html'][:160]} {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]
        assert not problems, "\n".join(problems)
        assert len(found["passes"]) > 5

    def close(self) -> None:
        """Close the context; nothing may have been complained about."""
        self.context.close()
        assert not self.complaints, self.complaints


Visit = Callable[..., Visitor]


@attrs.frozen
class Site:
    """A country that runs, its public listener and its portal."""

    country: LiveCountry
    public: Process
    portal: Process

    def page_of(self, url: str) -> str:
        """The address of a verification page at this listener."""
        return f"{self.public.url}/v/?{url.partition('?')[2]}"
