"""The local audit of one medium in a plain folder: what is written, in which order, and what is left alone."""

from __future__ import annotations

import json
import shutil
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cards import country
from esdc_bench import PIN, UID, Bench, benches, make_card, open_package, pack, setup_commands
from local_media import breaking_at, names, no_space, ordinals, pulled, sell, serve

from tallystick.device.esdc import local_audit
from tallystick.device.esdc.audit_records import CycleState
from tallystick.device.esdc.local_audit_needs import ReadPiece, StartForMedium, WritePiece
from tallystick.device.esdc.local_audit_state import LocalAuditBoard, MediumState, Phase, Trouble
from tallystick.wire.taxcore_api import Command, CommandType, read_reports, write_commands

OTHER = "WXYZ9876"
ARP = f"{UID}/{UID}.arp"
RESULTS = f"{UID}/{UID}.results"


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """An empty medium."""
    folder = tmp_path / "usb"
    folder.mkdir()
    return folder


@pytest.fixture
def selling(tmp_path: Path) -> Iterator[Bench]:
    """A device that has told its first results, as one that was online once, with three unaudited invoices."""
    for bench in benches(tmp_path / "device"):
        bench.ready()
        tell(bench)
        sell(bench, 3)
        yield bench


def tell(bench: Bench) -> None:
    """The authority has heard of everything so far."""
    setup = bench.device.require_card().store.setup
    for number, _ in setup.unreported():
        setup.note_reported(number)


def proof_command(bench: Bench, request: bytes, number: str = "3930CEEF-F637-444D-8295-F629D6E482D3") -> Command:
    """The authority's proof for a request."""
    home = country(pack().environment)
    proof = home.proof(home.audit_request(request))
    return Command(number, CommandType.FORWARD_PROOF_OF_AUDIT, b64encode(proof).decode(), UID)


def put_commands(medium: Path, *commands: Command, folder: str = UID, name: str = f"{UID}.commands") -> None:
    (medium / folder).mkdir(exist_ok=True)
    (medium / folder / name).write_bytes(write_commands(commands))


def test_s2_096_s2_097_s2_098_packages_oldest_first_and_the_request(selling: Bench, medium: Path) -> None:
    """Names and folders of the newer layout (list 13.1, tests 4 and 5); everything stays on the device (S2-081)."""
    written: list[int] = []

    def watch(need: Any) -> None:
        if isinstance(need, WritePiece):
            written.extend(ordinal for ordinal, _ in need.packages)

    state = serve(selling.device, medium, between=watch)
    assert written == [1, 2, 3]
    assert names(medium) == [f"{UID}/{UID}-{UID}-{n}.json" for n in (1, 2, 3)] + [ARP]
    assert (state.phase, state.copied, state.total, state.request) == (Phase.DONE, 3, 3, True)
    store = selling.device.require_card().store
    assert store.held_count() == 3
    for ordinal in (1, 2, 3):
        assert (medium / UID / f"{UID}-{UID}-{ordinal}.json").read_bytes() == store.package(ordinal)
    request = (medium / ARP).read_bytes()
    assert len(request) == 260
    assert country(pack().environment).audit_request(request).total_counter == 3


def test_s2_147_start_audit_comes_before_the_copying(selling: Bench, medium: Path) -> None:
    needs: list[type] = []
    serve(selling.device, medium, between=lambda need: needs.append(type(need)))
    assert needs.index(StartForMedium) < needs.index(WritePiece)
    assert needs.count(StartForMedium) == 1
    cycle = selling.device.require_card().store.audit.newest()
    assert cycle is not None
    assert (cycle.state, cycle.last_ordinal) == (CycleState.STARTED, 3)


def test_s2_098_no_package_no_request_and_no_needless_start(selling: Bench, medium: Path, tmp_path: Path) -> None:
    serve(selling.device, medium)
    (medium / ARP).unlink()
    (medium / ARP).write_bytes(b"older")
    serve(selling.device, medium)
    assert (medium / ARP).read_bytes() == b"older", "nothing was written, so no request is"
    audit = selling.device.require_card().store.audit.newest()
    assert audit is not None
    assert audit.cycle == 1, "a needless start would void the proof of the first"
    other = tmp_path / "empty"
    other.mkdir()
    put_commands(other, proof_command(selling, audit.request or b""))
    serve(selling.device, other)
    assert names(other) == [f"{UID}/{UID}.commands", RESULTS], "everything is audited: no package, no request"


def test_s2_098_the_request_comes_each_time_that_a_package_was_written(selling: Bench, medium: Path) -> None:
    serve(selling.device, medium)
    first = (medium / ARP).read_bytes()
    selling.clock.forward(hours=1)
    sell(selling)
    state = serve(selling.device, medium)
    assert (state.copied, state.there) == (1, 3)
    assert (medium / ARP).read_bytes() != first
    home = country(pack().environment)
    assert home.audit_request((medium / ARP).read_bytes()).total_counter == 4


def test_s2_120_within_the_floor_the_open_cycle_keeps_its_request(selling: Bench, medium: Path) -> None:
    serve(selling.device, medium)
    first = (medium / ARP).read_bytes()
    sell(selling)
    serve(selling.device, medium)
    assert ordinals(medium) == [1, 2, 3, 4]
    assert (medium / ARP).read_bytes() == first, "a start after seconds would void a proof on its way"


def test_s2_100_s2_102_commands_first_then_results_then_only_what_is_left(selling: Bench, medium: Path) -> None:
    """List 13.1, tests 8 and 9: found, executed, the device works on, results lie there (S2-005, S2-014)."""
    serve(selling.device, medium)
    put_commands(medium, proof_command(selling, (medium / ARP).read_bytes()))
    selling.clock.forward(minutes=30)
    sell(selling)
    needs: list[str] = []
    state = serve(selling.device, medium, between=lambda need: needs.append(type(need).__name__))
    assert needs.index("ObeyFromMedium") < needs.index("StartForMedium") < needs.index("WritePiece")
    assert (state.commands, state.commands_failed, state.copied) == (1, 0, 1)
    assert selling.device.require_card().card.amount_status().sum.scaled == 68_4600, "the sum of the sale since"
    (report,) = read_reports((medium / RESULTS).read_bytes())
    assert (report.command_id, report.success) == ("3930CEEF-F637-444D-8295-F629D6E482D3", True)
    lines = json.loads((medium / RESULTS).read_text())
    assert sorted(lines[0]) == ["commandId", "dateAndTime", "success"]
    assert selling.device.require_card().store.held_count() == 1
    sell(selling)


def test_s2_101_without_a_proof_everything_stays_and_the_next_audit_covers_it(selling: Bench, tmp_path: Path) -> None:
    """A proof may never come for one local audit: the next one takes its packages along."""
    for number in range(3):
        medium = tmp_path / f"usb{number}"
        medium.mkdir()
        serve(selling.device, medium)
        assert ordinals(medium) == list(range(1, 4 + number))
        selling.clock.forward(hours=1)
        sell(selling)
    put_commands(tmp_path / "usb2", proof_command(selling, (tmp_path / "usb2" / ARP).read_bytes()))
    serve(selling.device, tmp_path / "usb2")
    assert selling.device.require_card().store.held_count() == 1


def test_a_command_with_a_result_on_the_medium_is_skipped(selling: Bench, medium: Path) -> None:
    serve(selling.device, medium)
    command = proof_command(selling, (medium / ARP).read_bytes())
    put_commands(medium, command)
    line = {"commandId": command.command_id.lower(), "success": False, "dateAndTime": "2021-12-01T10:00:00+01:00"}
    (medium / RESULTS).write_text(json.dumps([line]))
    state = serve(selling.device, medium)
    assert state.commands == 0
    assert selling.device.require_card().store.held_count() == 3, "the proof was not carried out"
    assert json.loads((medium / RESULTS).read_text()) == [line], "the file is left as it is"


def test_commands_of_other_cards_of_unknown_kinds_and_broken_ones(selling: Bench, medium: Path) -> None:
    """Checklist: unknown type, foreign UID, repeated commandId, payload not Base64 (16.1.13)."""
    put_commands(
        medium,
        Command("11111111-0000-0000-0000-000000000001", 6, "x", UID.lower()),
        Command("11111111-0000-0000-0000-000000000002", 5, "not base64!", UID),
        Command("11111111-0000-0000-0000-000000000003", 1, "0.pool.ntp.example", OTHER),
        Command("11111111-0000-0000-0000-000000000004", 1, "0.pool.ntp.example", UID),
        Command("11111111-0000-0000-0000-000000000004", 1, "1.pool.ntp.example", UID),
    )
    state = serve(selling.device, medium)
    assert (state.commands, state.commands_failed) == (3, 2)
    reports = read_reports((medium / RESULTS).read_bytes())
    assert [report.success for report in reports] == [False, False, True]


def test_results_that_nobody_was_told_go_along(tmp_path: Path, medium: Path) -> None:
    """Carried out online and then cut off: the medium carries the result (S2-107)."""
    for bench in benches(tmp_path / "device"):
        bench.ready()
        serve(bench.device, medium)
        reports = read_reports((medium / RESULTS).read_bytes())
        assert [report.command_id for report in reports] == [one.command_id for one in setup_commands()]
        assert all(report.success for report in reports)


def test_s2_014_a_device_that_was_never_online_is_initialised_from_a_medium(tmp_path: Path, medium: Path) -> None:
    for bench in benches(tmp_path / "device"):
        put_commands(medium, *setup_commands())
        state = serve(bench.device, medium)
        assert (state.commands, state.commands_failed) == (4, 0)
        bench.device.verify_pin(PIN)
        sell(bench)


def test_without_pin_a_proof_waits_and_packages_are_copied_all_the_same(selling: Bench, medium: Path) -> None:
    serve(selling.device, medium)
    put_commands(medium, proof_command(selling, (medium / ARP).read_bytes()))
    selling.reader.remove()
    selling.device.refresh()
    selling.card.reset()
    selling.reader.insert(selling.card)
    state = serve(selling.device, medium)
    assert (state.commands, state.commands_waiting, state.trouble) == (0, 1, Trouble.PIN)
    assert not (medium / RESULTS).exists()
    selling.device.verify_pin(PIN)
    assert serve(selling.device, medium).commands == 1


def test_a_request_of_an_ended_audit_does_not_stay_beside_new_packages(selling: Bench, medium: Path) -> None:
    serve(selling.device, medium)
    put_commands(medium, proof_command(selling, (medium / ARP).read_bytes()))
    serve(selling.device, medium)
    sell(selling)
    selling.reader.remove()
    selling.device.refresh()
    selling.card.reset()
    selling.reader.insert(selling.card)
    state = serve(selling.device, medium)
    assert (state.copied, state.trouble) == (1, Trouble.PIN)
    assert not (medium / ARP).exists()
    selling.device.verify_pin(PIN)
    assert serve(selling.device, medium).request
    assert country(pack().environment).audit_request((medium / ARP).read_bytes()).total_counter == 4


def test_packages_of_all_cards_but_the_request_of_the_one_that_is_in(selling: Bench, medium: Path) -> None:
    """List 13.1, test 4: all files, whatever card is in; a folder a card."""
    other = make_card(selling.folder / OTHER, uid=OTHER)
    selling.reader.insert(other)
    selling.device.obey_all(setup_commands(OTHER))
    selling.device.verify_pin(PIN)
    tell(selling)
    sell(selling, 2)
    state = serve(selling.device, medium)
    assert names(medium) == [
        *(f"{UID}/{UID}-{UID}-{n}.json" for n in (1, 2, 3)),
        *(f"{OTHER}/{OTHER}-{OTHER}-{n}.json" for n in (1, 2)),
        f"{OTHER}/{OTHER}.arp",
    ]
    assert (state.copied, state.total) == (5, 5)
    selling.reader.remove()
    shutil.rmtree(medium / UID)
    assert serve(selling.device, medium).copied == 3, "and without any card"
    assert not (medium / ARP).exists()
    other.power_off()


def test_s2_091_the_pos_sells_between_two_pieces(selling: Bench, medium: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """List 13.1, test 12: signing goes on; what is signed meanwhile goes with the next export."""
    monkeypatch.setattr(local_audit, "PIECE_PACKAGES", 1)
    pieces = []

    def between(need: Any) -> None:
        if isinstance(need, ReadPiece):
            pieces.append(need)
            sell(selling)

    state = serve(selling.device, medium, between=between)
    assert len(pieces) == 4
    assert state.copied == 3
    assert selling.device.require_card().store.held_count() == 7


def test_start_and_end_of_copying_are_shown(selling: Bench, medium: Path) -> None:
    board = LocalAuditBoard()
    seen: list[MediumState] = []
    board.listen(seen.append)
    board.listen(lambda state: 1 // 0)  # type: ignore[arg-type]  # a face that fails harms nothing
    serve(selling.device, medium, board=board)
    phases = list(dict.fromkeys(state.phase for state in seen))
    assert phases == [Phase.COMMANDS, Phase.COPYING, Phase.DONE]
    assert board.now.is_at_its_end
    assert [state.copied for state in seen] == sorted(state.copied for state in seen)


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
