"""The register obeys (S0-030): believes with nothing but the root, carries out once whatever fails, and answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from remote_desk import ABOVE, ARC, SIGNER, Desk, certified, code, command
from till_bench import START, Bench, PowerCut, Supply, sale, without_flushes

from tallystick.crypto.profiles import trust_list
from tallystick.device.ecr.api import write_status
from tallystick.device.ecr.needs import NoAnswer, NotSent
from tallystick.device.ecr.orders import CloseShift
from tallystick.device.ecr.synchronise import Synchroniser
from tallystick.kernel.device_commands import (
    FirmwareNotice,
    Hold,
    Outcome,
    PolicyChange,
    RateChange,
    Release,
    Resend,
    Wanted,
)
from tallystick.kernel.instants import unix_ms


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(Bench(tmp_path).opened())


def test_s0_030_a_hold_stops_sales_and_nothing_else_until_the_release(desk: Desk) -> None:
    answer = desk.bench.do("before", sale())
    told = desk.order(1, Hold())
    assert (told.outcome, told.state, told.sequence, told.reason) == (Outcome.DONE, "hold", 3, "")
    assert code(desk, "a") == "TS-2407"
    assert desk.bench.do("before", sale()) == answer, "what was answered before is answered again"
    desk.bench.restart()
    assert code(desk, "b") == "TS-2407", "also after a power cut"
    desk.bench.do("z", CloseShift())
    assert desk.order(2, Release()).state == "active"
    assert not desk.bench.register.why_held


def test_s0_064_a_refused_question_tells_of_a_revocation(desk: Desk) -> None:
    """A register that sells nothing just now has no other contact."""
    desk.refuses = "TS-1104"
    desk.control().round()
    assert code(desk, "a") == "TS-1104"
    assert desk.bench.sync()
    assert code(desk, "b") == "", "who is served again sells again"


def test_limits_are_only_ever_narrower_and_the_text_stands_on_receipts(desk: Desk) -> None:
    own = desk.bench.register.setup
    desk.order(1, PolicyChange(offline_hours=24, shift_hours=48, receipt_text="Open on Sunday"))
    setup = desk.bench.register.setup
    assert (setup.limits.continuous_hours, setup.shift_hours_most) == (24, own.shift_hours_most)
    assert b"Open on Sunday" in desk.bench.do("a", sale())
    desk.order(2, PolicyChange(receipt_text=""))
    assert desk.bench.register.setup.limits.continuous_hours == 24, "what a change does not name stays"
    assert b"Open on Sunday" not in desk.bench.do("b", sale())
    desk.order(3, PolicyChange(offline_hours=744))
    assert desk.bench.register.setup.limits.continuous_hours == own.limits.continuous_hours


def test_rates_told_ahead_hold_from_their_moment_on(desk: Desk) -> None:
    desk.bench.now = START + timedelta(minutes=10)
    valid_from = START + timedelta(minutes=20)
    change = RateChange(group=8, valid_from_ms=unix_ms(valid_from), labels={"A": "21", "B": "9.5", "C": "0"})
    assert desk.order(1, change).outcome is Outcome.DONE
    assert b"19" in desk.bench.do("a", sale())
    desk.bench.now = valid_from + timedelta(seconds=1)
    assert b"21" in desk.bench.do("b", sale())
    told = desk.order(2, RateChange(group=9, valid_from_ms=0, labels={"Q": "5"}))
    assert (told.outcome, told.reason[:7]) == (Outcome.REFUSED, "TS-3257")
    assert {group.group_id for group in desk.bench.register.setup.rate_groups} == {7, 8}


def test_documents_are_sent_again_and_a_notice_is_kept(desk: Desk) -> None:
    for name in "abc":
        desk.bench.do(name, sale())
    booked = len(desk.bench.authority.booked)
    assert desk.order(1, Resend(first=3)).outcome is Outcome.DONE
    assert desk.sent == desk.bench.documents[2:]
    assert len(desk.bench.authority.booked) == booked, "what is booked is not booked twice"
    assert "install" not in json.loads(write_status(desk.bench.register))
    desk.order(2, FirmwareNotice(build="cd" * 32, install_by_ms=unix_ms(START)))
    status = json.loads(write_status(desk.bench.register))
    assert status["install"] == {"build": "cd" * 32, "by": f"{START:%Y-%m-%dT%H:%M:%S}.000Z"}, (
        "whoever installs is told"
    )
    desk.bench.register.own_setup = attrs.evolve(desk.bench.register.own_setup, build="cd" * 32)
    assert "install" not in json.loads(write_status(desk.bench.register)), "it runs"


@pytest.mark.parametrize(
    "changes",
    [
        {"device": "TILL0002"},
        {"audience": "small.example/other"},
        {"signer": certified(trust_list(ARC))},
        {"signer": ABOVE},
    ],
)
def test_what_is_not_believed_is_neither_done_nor_answered(desk: Desk, changes: dict[str, object]) -> None:
    desk.certificates = [SIGNER, ABOVE, *([changes["signer"]] if "signer" in changes else [])]  # type: ignore[list-item]
    desk.waiting[1] = command(1, Hold(), **changes)  # type: ignore[arg-type]
    desk.control().round()
    assert (desk.results, desk.bench.register.why_held, desk.bench.commands.answered()) == ([], "", {})


def test_a_command_that_somebody_changed_on_its_way_is_not_believed(desk: Desk) -> None:
    header, payload, signature = command(1, Resend(first=9)).split(b".")
    other = command(1, Hold()).split(b".")[1]
    for spoilt in (b".".join((header, other, signature)), b".".join((header, payload, signature[:-4] + b"AAAA"))):
        desk.waiting = {1: spoilt}
        desk.control().round()
    desk.certificates = [SIGNER]
    desk.waiting = {1: command(1, Hold())}
    desk.control().round()
    assert (desk.results, desk.bench.register.why_held) == ([], "")


def test_repeated_late_and_swapped_commands_do_nothing(desk: Desk) -> None:
    hold = command(2, Hold())
    desk.waiting = {2: hold}
    desk.control().round()
    desk.order(3, Release())
    first = desk.results[0]
    desk.waiting = {2: hold, 1: command(1, Resend(first=1))}
    desk.control().round()
    assert desk.results[-1] == first, "the same command gets the same answer"
    assert not desk.bench.register.why_held, "and is not done again"
    assert desk.sent == [], "number 1 comes out of its order"
    desk.waiting = {3: command(3, Hold())}
    desk.control().round()
    assert not desk.bench.register.why_held, "another text under a number that was used"
    told = desk.order(4, Hold(), expires_ms=unix_ms(START) + 1)
    assert (told.outcome, told.reason[:7], desk.bench.register.why_held) == (Outcome.REFUSED, "TS-3304", "")


def test_an_answer_is_sent_until_the_authority_has_it(desk: Desk) -> None:
    desk.waiting[1] = command(1, Hold())
    control = desk.control()
    desk.lost_answers = 1
    with pytest.raises(NoAnswer):
        control.round()
    desk.away = True
    with pytest.raises(NotSent):
        control.round()
    desk.away = False
    control.round()
    control.round()
    assert len(desk.results) == 2
    assert desk.results[0] == desk.results[1]
    assert desk.asked == 1, "it has the command already"


def test_an_answer_that_the_authority_takes_later_is_sent_again(desk: Desk) -> None:
    desk.waiting[1] = command(1, Hold())
    control = desk.control()
    desk.later = 1
    with pytest.raises(NoAnswer):
        control.round()
    control.round()
    assert (len(desk.results), desk.waiting) == (1, {})


def test_a_resend_goes_on_where_the_authority_had_no_time_for_more(desk: Desk) -> None:
    """Fifty calls a second are the budget of a device: that is no reason why the command could not be carried out."""
    desk.bench.do("a", sale())
    desk.waiting[1] = command(1, Resend(first=1))
    control = desk.control()
    desk.later = 2
    for _ in range(2):
        with pytest.raises(NoAnswer):
            control.round()
        desk.bench.now += timedelta(minutes=2)
    control.round()
    assert [one.outcome for one in desk.results] == [Outcome.DONE]
    assert desk.sent == desk.bench.documents


def test_another_answer_to_a_document_that_is_sent_again_stops_the_register(desk: Desk) -> None:
    desk.waiting[1] = command(1, Resend(first=1))
    desk.contradicts = True
    background = Synchroniser(desk.bench.register, desk.bench.authority, desk.bench.clock, control=desk.control())
    assert not background.obey()
    assert desk.bench.register.status().stopped


def test_the_background_asks_when_it_is_told_and_every_few_minutes(desk: Desk) -> None:
    control = desk.control()
    background = Synchroniser(desk.bench.register, desk.bench.authority, desk.bench.clock, control=control)
    for _ in range(3):
        assert background.obey()
    assert desk.asked == 1
    desk.waiting[1] = command(1, Hold())
    assert background.obey()
    assert (desk.asked, bool(desk.bench.register.why_held)) == (2, True)
    desk.bench.now += timedelta(minutes=6)
    desk.refuses = "TS-1001"
    assert [background.obey() for _ in range(3)] == [True] * 3
    assert desk.asked == 3, "an authority that knows no commands is not asked all the time"
    desk.bench.now += timedelta(minutes=6)
    desk.away = True
    assert not background.obey()


@pytest.mark.parametrize("wanted", [Hold(), PolicyChange(shift_hours=8), Resend(first=1)])
def test_s0_030_whatever_moment_the_power_fails_a_command_is_done_once(tmp_path: Path, wanted: Wanted) -> None:
    """At every commit of it, before and after: one answer, one effect, and the authority has it in the end."""
    for cut in range(4):
        supply = Supply()
        bench = Bench(tmp_path / str(cut), supply=supply).opened()
        desk = Desk(bench)
        desk.waiting[1] = command(1, wanted)
        supply.cuts = {supply.passed + cut}
        try:
            desk.control().round()
        except PowerCut:
            bench.restart()
        desk.control().round()
        assert desk.waiting == {}, cut
        assert list(bench.commands.answered()) == [1]
        assert all(result == desk.results[0] for result in desk.results), "it says one thing"
        assert bool(bench.register.why_held) is isinstance(wanted, Hold)
        bench.switch_off()
