"""A backup by PostgreSQL's own programs, the drill on it, and the restore for real (E-10)."""

import os
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import attrs
import psycopg
import pytest
from backup_house import SECRETS, House, told
from ledger_bench import LedgerFolder, now, serves

from tallystick.authority.ledger.findings import FindingCode
from tallystick.authority.ledger.replay import Replay
from tallystick.authority.oversight.activity import queries as activity
from tallystick.kernel.faults import Fault
from tallystick.ops.backup import choosing, completing, taking
from tallystick.ops.backup.archived import gaps, segment_names
from tallystick.ops.backup.manifest import read_manifest
from tallystick.ops.backup.places import BackupFolder
from tallystick.ops.backup.programs import Programs
from tallystick.ops.backup.restoring import Restorer
from tallystick.ops.backup.sources import Sources
from tallystick.ops.backup.taking import Taker
from tallystick.ops.postgres import EmbeddedPostgres, server_settings
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder


def test_e_10_the_drill_restores_completes_and_proves(house: House) -> None:
    outcome = house.drill()
    assert outcome.is_complete, told(outcome)
    assert outcome.restored_size == house.sizes[1], "the fetched log holds all that was booked until then"
    assert (outcome.size, outcome.lost) == (house.sizes[2], 0)
    assert outcome.replayed is not None
    assert outcome.replayed.entries == house.sizes[2] - house.sizes[1]
    assert {"recovering", "booking again", "checking"} <= set(outcome.seconds)
    assert {one.known.source for one in outcome.heads} >= {"published", "the mirror", "whoever followed the log"}


def test_e_10_a_drill_goes_to_a_moment(house: House) -> None:
    outcome = house.drill(at=house.middle)
    assert outcome.is_complete, told(outcome)
    assert outcome.restored_size == house.sizes[0]


def test_e_10_what_nobody_has_is_counted_and_named(house: House, tmp_path: Path) -> None:
    """Without the living mirror only the backup's own is there: what came since is lost, and somebody knows of it."""
    empty = tmp_path / "no mirror"
    empty.mkdir()
    outcome = house.drill(mirror=empty)
    assert not outcome.is_complete
    assert outcome.lost == house.sizes[2] - house.sizes[1]
    assert "lost" in told(outcome)


def test_a_backup_holds_no_secret_and_says_so(house: House) -> None:
    (path,) = house.backups.whole()
    manifest = read_manifest(path)
    assert set(manifest.left_out) == {f"keys/{name}" for name in SECRETS}
    names = {line.name for line in manifest.files}
    assert {"keys/signing/log.json", "keys/log-public.pem", "postgres/backup_manifest", "settings.toml"} <= names
    everything = b"".join(file.read_bytes() for file in (path / "keys").rglob("*") if file.is_file())
    assert not any(secret in everything for secret in SECRETS.values())


def cut_a_table(copy: BackupFolder) -> None:
    """A file of a table is a page shorter."""
    (path,) = copy.whole()
    files = [file for file in (path / "postgres" / "base").rglob("*") if file.is_file() and file.stat().st_size > 8192]
    os.truncate(files[0], files[0].stat().st_size - 8192)


def change_a_row(copy: BackupFolder) -> None:
    """An amount in the heap; page checksums and backup_manifest both know better."""
    (path,) = copy.whole()
    for file in (path / "postgres" / "base").rglob("*"):
        if file.is_file() and b'"amount":10007' in (data := file.read_bytes()):
            file.write_bytes(data.replace(b'"amount":10007', b'"amount":99999'))
            return
    raise AssertionError("no file of the backup holds the document")


def drop_a_file(copy: BackupFolder) -> None:
    next((copy.whole()[0] / "mirror").glob("*.seg")).unlink()


def other_manifest(copy: BackupFolder) -> None:
    """The manifest leaves out a key and is whole in itself: the activity log knows its hash."""
    path = copy.whole()[0] / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"origin": "', b'"origin":  "'))


def cut_the_log(copy: BackupFolder) -> None:
    """The newest segment's content ends early: the head that was seen while it was fetched is beyond."""
    newest = max(copy.wal.glob("0*"))
    data = newest.read_bytes()
    newest.write_bytes(data[:8192] + bytes(len(data) - 8192))


@pytest.mark.parametrize("damage", [cut_a_table, change_a_row, drop_a_file, other_manifest])
def test_e_10_a_backup_that_was_tampered_with_is_found(house: House, copy: BackupFolder, damage: object) -> None:
    damage(copy)  # type: ignore[operator]
    outcome = house.drill(copy)
    assert not outcome.is_complete
    assert outcome.troubles, told(outcome)


@pytest.mark.soak
def test_e_10_a_log_that_was_cut_is_found_where_no_mirror_mends_it(
    house: House, copy: BackupFolder, tmp_path: Path
) -> None:
    cut_the_log(copy)
    empty = tmp_path / "no mirror"
    empty.mkdir()
    outcome = house.drill(copy, mirror=empty)
    assert outcome.lost > house.sizes[2] - house.sizes[1]


def test_a_segment_that_lacks_is_named(tmp_path: Path) -> None:
    for number in (2, 3, 5):
        (tmp_path / f"0000000100000000{number:08X}").write_bytes(bytes(16))
    (tmp_path / "000000010000000000000006.partial").write_bytes(bytes(16))
    assert gaps(tmp_path, "000000010000000000000002", 16) == ["wal: 1 segments lack before 000000010000000000000005"]
    assert gaps(tmp_path, "000000010000000000000005", 16) == []
    (tmp_path / "000000010000000000000005").write_bytes(bytes(15))
    assert gaps(tmp_path, "000000010000000000000005", 16) == ["wal: 000000010000000000000005 is cut"]
    assert segment_names(tmp_path)[-1] == "000000010000000000000006"


@pytest.mark.soak
def test_switch_off_one_check_after_the_other_and_the_next_one_finds_it(
    house: House, copy: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pg_verifybackup, the page's checksum, the two looks at the restored ledger; without all four it passes."""
    change_a_row(copy)
    assert any("base/" in one for one in house.drill(copy).troubles)
    monkeypatch.setattr(Programs, "verify_backup", lambda self, backup: [])
    assert any("invalid page" in one for one in house.drill(copy).troubles)
    monkeypatch.setitem(server_settings._HASTY, "ignore_checksum_failure", "on")
    outcome = house.drill(copy)
    assert {one.code for one in outcome.findings} >= {FindingCode.BODY_CHANGED, FindingCode.MIRROR_DIFFERS}
    monkeypatch.setattr(completing, "full_check", lambda *args, **options: [])
    assert any("differs between tables and mirror" in one for one in house.drill(copy).troubles)
    monkeypatch.setattr(Replay, "settle_mirror", lambda self, folder: None)
    assert house.drill(copy).is_complete, "so these four are what tells"


@pytest.mark.soak
def test_switch_off_the_heads_of_others_and_a_loss_passes(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With an old mirror nothing but signed heads that others kept says that entries are lost."""
    empty = tmp_path / "no mirror"
    empty.mkdir()
    assert house.drill(mirror=empty).lost
    monkeypatch.setattr(Sources, "notes", lambda self, conn, folder, backup: iter(()))
    assert house.drill(mirror=empty).is_complete


def test_e_10_the_restore_for_real(house: House, tmp_path: Path) -> None:
    """Database and tiles are gone, the mirror's disk is there: restored, completed, entered; and a sequencer serves."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-restored-"))
    folder.chmod(0o755)
    try:
        state = StateFolder(folder / "state")
        state.make()
        shutil.copytree(house.state.mirror, state.mirror, dirs_exist_ok=True)
        shutil.copy(house.state.demo / "log.pem", state.demo / "log.pem")
        sources = attrs.evolve(house.sources(), mirror=state.mirror, tiles=house.state.tiles)
        restorer = Restorer(state=state, sources=sources, programs=house.programs, clock=now, actor="shell:test")
        outcome = restorer.restore(house.backups)
        assert outcome.is_complete, told(outcome)
        with pytest.raises(Fault, match="TS-3185"):
            restorer.restore(house.backups)
        with EmbeddedPostgres(state.postgres, copies=state.binaries) as server:
            ledger = LedgerFolder(state.demo, server.owner_dsn)
            assert ledger.rows("SELECT get_byte(leaf, 4) FROM ledger.leaves ORDER BY log_index DESC LIMIT 1") == [(14,)]
            serves(ledger)
            with psycopg.connect(server.owner_dsn) as conn:
                (act,) = activity.newest(conn, verb="backup.restore")
            assert act.act.object == f"backup:{house.backups.whole()[0].name}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_two_cannot_take_at_once_and_a_strange_folder_is_left_alone(house: House, tmp_path: Path) -> None:
    with house.backups.held("take"), pytest.raises(Fault, match="TS-3181"):  # noqa: SIM117 - the order is the point
        with house.backups.held("take"):
            pass
    (tmp_path / "mine").write_text("keep me")
    with pytest.raises(Fault, match="TS-3180"):
        BackupFolder(tmp_path).make()
    with pytest.raises(Fault, match="TS-3183"):
        choosing.choose(house.backups, datetime(2020, 1, 1, tzinfo=UTC))


def test_a_recovery_that_ends_before_the_log_does_is_damage(copy: BackupFolder) -> None:
    (newest,) = copy.wal.glob("*.partial")
    whole = newest.rename(newest.with_suffix(""))
    assert not list(choosing.not_read_to_its_end(copy, whole.name, None))
    earlier = f"{whole.name[:23]}{int(whole.name[23], 16) - 1:X}"
    (told,) = choosing.not_read_to_its_end(copy, earlier, None)
    assert "it is damaged" in told
    assert not list(choosing.not_read_to_its_end(copy, earlier, now())), "a moment may lie before the end"


@pytest.mark.soak
def test_backups_are_kept_up_to_a_bound_and_an_interrupted_one_is_none(
    house: House, copy: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (first,) = copy.whole()
    with EmbeddedPostgres(house.state.postgres, copies=house.state.binaries) as server:
        taker = Taker(
            dsn=server.owner_dsn,
            settings=Settings(),
            state=house.state,
            programs=house.programs,
            clock=now,
            actor="shell:test",
        )
        with monkeypatch.context() as patch:
            patch.setattr(taking, "copy_mirror", fail)
            with pytest.raises(OSError, match="No space"):
                taker.take(copy, 7)
        assert copy.whole() == [first]
        (left,) = copy.base.glob("*.unfinished")
        second = taker.take(copy, 7)
        assert copy.whole() == [first, second]
        assert not left.exists()
        shared = next((first / "mirror").glob("*.seg")).name
        assert (second / "mirror" / shared).exists()
        time.sleep(1.1)
        third = taker.take(copy, 1)
        assert copy.whole() == [third]
    outcome = house.drill(copy)
    assert outcome.is_complete, told(outcome)


@pytest.mark.soak
def test_a_restore_with_a_loss_is_not_entered(house: House) -> None:
    """Only the old mirror of the backup is there, and the published head knows more: the sequencer must not serve."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-lossy-"))
    folder.chmod(0o755)
    try:
        state = StateFolder(folder / "state")
        state.make()
        sources = attrs.evolve(house.sources(), mirror=state.mirror)
        outcome = Restorer(
            state=state, sources=sources, programs=house.programs, clock=now, actor="shell:test"
        ).restore(house.backups)
        assert outcome.lost == house.sizes[2] - house.sizes[1]
        with EmbeddedPostgres(state.postgres, copies=state.binaries) as server:
            ledger = LedgerFolder(state.demo, server.owner_dsn)
            assert ledger.rows("SELECT count(*) FROM ledger.leaves WHERE get_byte(leaf, 4) = 14") == [(0,)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
