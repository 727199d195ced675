"""The file under a store: settings, lock, the check after an unclean stop, the refusal to go on after damage."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from tallystick.device.esdc.database import Database, StoreBroken, StoreTaken
from tallystick.device.esdc.store import Store

UID, OTHER = "TL5SYCK1", "OTHER001"


def add_packages(database: Database, number: int, and_then: str | None = None) -> None:
    with database as writing:
        for ordinal in range(number):
            writing.run("add_package", {"ordinal": ordinal, "body": bytes(10_000)})
        if and_then:
            writing.run(and_then)


def open_store(folder: Path, uid: str = UID) -> Store:
    return Store(folder / "new" / "esdc.db", uid=uid, environment="1.9")


def test_s2_090_each_commit_is_flushed_and_the_schema_is_strict(tmp_path: Path) -> None:
    database = Database(tmp_path / "esdc.db")
    connection = database._connection
    pragmas = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "cell_size_check")
    }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
    }
    tables = connection.execute("PRAGMA table_list").fetchall()
    assert all(table[5] for table in tables if table[0] == "main" and not table[1].startswith("sqlite_"))
    database.close()


def test_the_folder_is_private_and_so_is_the_file(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / "esdc.db").stat().st_mode) == 0o600


def test_a_store_whose_making_was_interrupted_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "esdc.db").touch()
    open_store(tmp_path).close()
    again = open_store(tmp_path)
    assert again.stopped_cleanly
    again.close()


def test_two_programs_never_work_with_one_store(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    with pytest.raises(StoreTaken):
        open_store(tmp_path)
    first.close()
    open_store(tmp_path).close()


def test_a_store_belongs_to_one_card(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with pytest.raises(StoreBroken, match="another card"):
        open_store(tmp_path, OTHER)
    open_store(tmp_path).close()


def test_an_unclean_stop_is_noticed_and_the_file_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Path] = []
    check = Database.check

    def counted(self: Database) -> None:
        checked.append(self.path)
        check(self)

    monkeypatch.setattr(Database, "check", counted)
    open_store(tmp_path).abandon()
    store = open_store(tmp_path)
    assert not store.stopped_cleanly
    assert len(checked) == 1
    store.close()
    again = open_store(tmp_path)
    assert again.stopped_cleanly
    assert len(checked) == 1
    again.close()


def test_a_damaged_file_is_refused_after_an_unclean_stop(tmp_path: Path) -> None:
    open_store(tmp_path).abandon()
    path = tmp_path / "new" / "esdc.db"
    with sqlite3.connect(path) as direct:
        direct.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    direct.close()
    image = bytearray(path.read_bytes())
    for at in range(4096, len(image), 4096):
        image[at : at + 8] = b"\xff" * 8
    path.write_bytes(bytes(image))
    with pytest.raises(StoreBroken):
        open_store(tmp_path)


def test_after_a_failed_write_nothing_more_is_written(tmp_path: Path) -> None:
    """A full or failing disk: never tried again, only a new start helps."""
    database = Database(tmp_path / "esdc.db")
    database._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreBroken):
        add_packages(database, 100)
    database._connection.execute("PRAGMA max_page_count = 1000000")
    with pytest.raises(StoreBroken, match="new start"):
        add_packages(database, 1)
    database.close()
    again = Database(tmp_path / "esdc.db")
    assert again.rows("held_count") == [(0,)]
    again.close()


def test_our_own_mistake_rolls_back_and_leaves_the_store_usable(tmp_path: Path) -> None:
    database = Database(tmp_path / "esdc.db")
    with pytest.raises(KeyError):
        add_packages(database, 1, and_then="no_such_query")
    add_packages(database, 1)
    assert database.rows("held_count") == [(1,)]
    database.close()
