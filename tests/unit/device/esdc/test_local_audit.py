"""The local audit of one medium in a plain folder: what is written, in which order, and what is left alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cards import country
from esdc_bench import PIN, UID, Bench, benches, make_card, pack, setup_commands
from local_media import ARP, RESULTS, names, ordinals, proof_command, put_commands, sell, serve, tell

from tallystick.device.esdc import local_audit
from tallystick.device.esdc.audit_records import CycleState
from tallystick.device.esdc.local_audit_needs import ReadPiece, StartForMedium, WritePiece
from tallystick.device.esdc.local_audit_state import LocalAuditBoard, MediumState, Phase, Trouble
from tallystick.wire.taxcore_api import Command, read_reports

OTHER = "WXYZ9876"


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
