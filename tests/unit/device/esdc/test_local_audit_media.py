"""Media as they are in the field: older layouts, foreign and damaged files, full ones, pulled ones, power cuts."""

from __future__ import annotations

from pathlib import Path

import pytest
from esdc_bench import PIN, UID, Bench, open_package
from local_media import ARP, RESULTS, breaking_at, names, no_space, ordinals, pulled, put_commands, serve

from tallystick.device.esdc.local_audit_state import Phase, Trouble
from tallystick.wire.taxcore_api import Command

OTHER = "WXYZ9876"


# Layouts and foreign files


def test_the_older_layout_is_read_and_any_case(selling: Bench, medium: Path) -> None:
    older = medium / UID.lower() / "Audit"
    older.mkdir(parents=True)
    (older / "photo.jpg").write_bytes(b"jpeg")
    package = selling.device.require_card().store.package(2)
    assert package is not None
    (older / f"{UID}-{UID}-2.json").write_bytes(package)
    put_commands(
        medium,
        Command("11111111-0000-0000-0000-000000000004", 1, "0.pool.ntp.example", UID),
        folder=UID.lower(),
        name=f"{UID.lower()}.COMMANDS",
    )
    state = serve(selling.device, medium)
    assert (state.commands, state.copied, state.there) == (1, 2, 1)
    assert [path.name for path in medium.iterdir()] == [UID.lower()], "no second folder for the same card"
    assert (older / "photo.jpg").read_bytes() == b"jpeg"


def test_foreign_files_are_left_alone(selling: Bench, medium: Path) -> None:
    for path in ("holiday.jpg", f"{UID}/notes.txt", f"{UID}/other.tmp", f"{UID}/{OTHER}.arp.tmp.bak"):
        (medium / path).parent.mkdir(exist_ok=True)
        (medium / path).write_bytes(b"mine")
    (medium / UID / f"{UID}-{UID}-9.json.tmp").write_bytes(b"half a package")
    serve(selling.device, medium)
    assert not (medium / UID / f"{UID}-{UID}-9.json.tmp").exists(), "ours, of an export that was cut off"
    for path in ("holiday.jpg", f"{UID}/notes.txt", f"{UID}/other.tmp", f"{UID}/{OTHER}.arp.tmp.bak"):
        assert (medium / path).read_bytes() == b"mine"


def test_a_link_on_the_medium_leads_nowhere(selling: Bench, medium: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (medium / UID).symlink_to(elsewhere)
    state = serve(selling.device, medium)
    assert state.phase is Phase.FAILED
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("content", [b"[", b"{}", b"\xff\xfe", b"[1,2,null]", b"x" * (1024 * 1024 + 1)])
def test_a_commands_file_that_cannot_be_read_hinders_no_export(selling: Bench, medium: Path, content: bytes) -> None:
    (medium / UID).mkdir()
    (medium / UID / f"{UID}.commands").write_bytes(content)
    state = serve(selling.device, medium)
    assert (state.phase, state.copied, state.commands) == (Phase.DONE, 3, 0)


def test_a_results_file_that_cannot_be_read_is_not_replaced(selling: Bench, medium: Path) -> None:
    put_commands(medium, Command("11111111-0000-0000-0000-000000000004", 1, "0.pool.ntp.example", UID))
    (medium / RESULTS).write_bytes(b"?")
    state = serve(selling.device, medium)
    assert (state.commands, state.trouble, state.phase) == (1, Trouble.UNREADABLE, Phase.DONE)
    assert (medium / RESULTS).read_bytes() == b"?"
    assert selling.device.require_card().store.setup.unreported(), "the result goes another way"


def test_damaged_bytes_under_our_name_are_written_anew(selling: Bench, medium: Path) -> None:
    serve(selling.device, medium)
    file = medium / UID / f"{UID}-{UID}-2.json"
    good = file.read_bytes()
    file.write_bytes(bytes(len(good)))
    assert serve(selling.device, medium).copied == 1
    assert file.read_bytes() == good


# Media that break


def assert_whole(medium: Path) -> None:
    """Whatever happened: each file under a name of ours is whole."""
    for path in medium.rglob("*"):
        if path.suffix == ".json":
            open_package(path.read_bytes())
        elif path.suffix == ".arp":
            assert len(path.read_bytes()) == 260


def test_removal_or_power_cut_at_every_write_loses_nothing(selling: Bench, tmp_path: Path) -> None:
    """Resume with the same medium and with another; no file is ever half there (checklist 16.1.12)."""
    with breaking_at(10**9, pulled) as calls:
        (tmp_path / "probe").mkdir()
        serve(selling.device, tmp_path / "probe")
    assert len(calls) >= 20
    for step in range(len(calls)):
        same, another = tmp_path / f"same{step}", tmp_path / f"another{step}"
        same.mkdir()
        another.mkdir()
        with breaking_at(step, pulled):
            state = serve(selling.device, same)
        assert state.phase is Phase.FAILED, calls[step]
        assert state.trouble is Trouble.GONE
        assert_whole(same)
        assert selling.device.require_card().store.held_count() == 3
        for medium in (same, another):
            assert serve(selling.device, medium).phase is Phase.DONE
            assert names(medium) == [f"{UID}/{UID}-{UID}-{n}.json" for n in (1, 2, 3)] + [ARP], calls[step]
            assert ordinals(medium) == [1, 2, 3]


def test_s2_098_a_request_that_a_removal_left_out_is_made_up_for(selling: Bench, tmp_path: Path) -> None:
    """Cut between the name of the only new package and that of the request: the next insertion brings the request."""
    calls = 0
    for step in range(12):
        medium = tmp_path / f"usb{step + 1}"
        medium.mkdir()
        for ordinal in (1, 2):
            package = selling.device.require_card().store.package(ordinal)
            assert package is not None
            (medium / UID).mkdir(exist_ok=True)
            (medium / UID / f"{UID}-{UID}-{ordinal}.json").write_bytes(package)
        with breaking_at(step, pulled):
            serve(selling.device, medium)
        calls += ordinals(medium) == [1, 2, 3] and not (medium / ARP).exists()
        serve(selling.device, medium)
        assert ordinals(medium) == [1, 2, 3]
        assert (medium / ARP).exists(), step
    assert calls, "the very moment was among the cuts"


def test_a_power_cut_during_an_export_is_a_new_start(selling: Bench, medium: Path) -> None:
    class Cut(BaseException):
        pass

    step = 0
    while True:
        try:
            with breaking_at(step, Cut):
                serve(selling.device, medium)
            break
        except Cut:
            step += 3
            assert_whole(medium)
            selling.device.abandon()
            selling.card.reset()
            selling.switch_on()
            selling.device.verify_pin(PIN)
    assert step > 6
    assert names(medium) == [f"{UID}/{UID}-{UID}-{n}.json" for n in (1, 2, 3)] + [ARP]


def test_a_full_medium_at_every_write_keeps_what_it_took(selling: Bench, tmp_path: Path) -> None:
    """An injected ENOSPC: what took a package has the request as well, and nothing half (S2-098)."""
    with breaking_at(10**9, no_space) as calls:
        (tmp_path / "probe").mkdir()
        serve(selling.device, tmp_path / "probe")
    for step, name in enumerate(calls):
        if not name.startswith("write "):
            continue
        medium = tmp_path / f"m{step}"
        medium.mkdir()
        with breaking_at(step, no_space):
            state = serve(selling.device, medium)
        assert (state.phase, state.trouble) == (Phase.FAILED, Trouble.FULL)
        assert_whole(medium)
        assert not [path for path in names(medium) if path.endswith(".tmp") and step > 2], names(medium)
        if ordinals(medium):
            assert (medium / ARP).exists()


def test_a_full_medium_is_no_reason_for_a_start(selling: Bench, medium: Path) -> None:
    with breaking_at(1, no_space):
        serve(selling.device, medium)
    assert selling.device.require_card().store.audit.newest() is None
