"""The browser of the run, and one country whose public listener and pages are looked at."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from browsing import Site, Visit, Visitor, chromium, running_browser
from playwright.sync_api import Browser
from psycopg.conninfo import make_conninfo
from public_live import live_country


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; without one the tests are skipped, and say so."""
    executable = chromium()
    if executable is None:
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium fonts-noto-core)")
    with running_browser(executable) as running:
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Makes visitors; when the test ends, none may have heard a complaint of the browser."""
    visitors: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        visitors.append(Visitor(browser, **options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.close()


@pytest.fixture(scope="session")
def site(_hasty_server: str, browser: Browser) -> Iterator[Site]:
    """One country for all tests of this folder; started only where there is a browser."""
    with psycopg.connect(make_conninfo(_hasty_server, dbname="postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE browser TEMPLATE tallystick STRATEGY file_copy")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tallystick-browser-")))
        country = stack.enter_context(live_country(make_conninfo(_hasty_server, dbname="browser"), folder))
        yield Site(country, country.start("public"), country.start("portal"))
