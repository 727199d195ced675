"""A ledger of documents that real cards signed, and exports of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from export_bench import SALES, SINCE, small_parts_of
from psycopg.conninfo import make_conninfo
from signed_ledger import SignedLedger

from tallystick.authority.ledger.export import ExportScope, export_ledger


@pytest.fixture(scope="session")
def signed(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedLedger]:
    """Three cards, two taxpayers, eight days."""
    with psycopg.connect(make_conninfo(_hasty_server, dbname="postgres"), autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE exports TEMPLATE tallystick STRATEGY file_copy")
        ledger = SignedLedger.make(tmp_path_factory.mktemp("exports"), make_conninfo(_hasty_server, dbname="exports"))
        ledger.book(ledger.sales(SALES, since=SINCE), register=True)
        yield ledger
        administrator.execute("DROP DATABASE exports WITH (FORCE)")


@pytest.fixture(scope="session")
def whole(signed: SignedLedger) -> Path:
    """An export of everything, in several parts."""
    folder = signed.ledger.folder / "whole"
    with pytest.MonkeyPatch.context() as patch:
        small_parts_of(patch)
        export_ledger(signed.ledger.dsn, folder, ExportScope(), issuers=signed.issuers)
    return folder


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """For reading as well."""
    small_parts_of(monkeypatch)


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A copy of the export that a test may spoil."""
    return Path(shutil.copytree(whole, tmp_path / "copy"))
