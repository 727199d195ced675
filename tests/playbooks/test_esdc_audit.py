"""The audit as a playbook: statuses, resubmission, results, an authority that refuses or is away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from esdc_bench import PIN, UID
from esdc_power import hold_round, without_flushes
from esdc_rounds import TIMING, Scene

from tallystick.device.esdc.audit_memory import AuditMemory
from tallystick.device.esdc.authority_client import AuthorityAway, HttpAnswer
from tallystick.wire.taxcore_api import Command


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with without_flushes():
        made = Scene(tmp_path)
        made.begin()
        yield made
        made.bench.close()


@pytest.fixture
def until_proof(tmp_path: Path) -> Iterator[Scene]:
    with without_flushes():
        made = Scene(tmp_path, keep_until_proof=True)
        made.begin()
        yield made
        made.bench.close()


def test_s2_003_006_initialization_on_each_insertion(scene: Scene) -> None:
    assert scene.authority.calls["GET commands"] == 1
    assert scene.authority.results == {f"{UID}-000{kind}": True for kind in (0, 1, 2, 7)}
    scene.bench.reader.insert(scene.bench.card)
    scene.round()
    assert scene.authority.calls["GET commands"] == 2


def test_one_token_serves_until_it_ends_or_is_refused(scene: Scene) -> None:
    scene.round()
    assert scene.authority.calls["GET token"] == 1
    scene.authority.token = None
    with pytest.raises(AuthorityAway):
        scene.round(10)
    scene.round()
    assert scene.authority.calls["GET token"] == 2
    scene.round(8 * 3600)
    assert scene.authority.calls["GET token"] == 3


def test_s2_093_packages_go_oldest_first_until_none_is_left(scene: Scene) -> None:
    scene.sell(3)
    end = scene.round()
    assert list(scene.authority.packages) == [1, 2, 3]
    assert scene.held() == []
    assert not end.more
    scene.sell(20)
    assert scene.round().more
    scene.round()
    assert len(scene.authority.packages) == 23


def test_s2_085_1_is_sent_again_after_a_pause_and_others_never(scene: Scene) -> None:
    scene.authority.statuses = {1: [1, 1], 2: [2], 3: [0], 4: [67]}
    scene.sell(5)
    scene.round()
    assert list(scene.authority.packages) == [5]
    assert scene.held() == [1, 2, 3, 4]
    before = scene.authority.calls["POST audit"]
    scene.round(0.01)
    assert scene.authority.calls["POST audit"] == before, "not hammered"
    for _ in range(4):
        scene.round(2)
    assert list(scene.authority.packages) == [5, 1]
    assert scene.held() == [2, 3, 4]
    assert scene.authority.calls["POST audit"] == before + 2, "2, 3 and 4 were not sent again"


def test_a_package_that_is_not_taken_does_not_hold_up_the_others(scene: Scene) -> None:
    scene.authority.statuses = {1: [1] * 100}
    for _ in range(4):
        scene.sell(10)
        scene.round()
    scene.round()
    assert len(scene.authority.packages) == 39


def test_an_answer_without_sense_leaves_the_package_waiting(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([HttpAnswer(400, {}, b""), HttpAnswer(200, {}, b"<html>"), HttpAnswer(413, {}, b"{}")])
    monkeypatch.setattr(scene.authority, "_audit", lambda body: next(answers))
    scene.sell()
    for _ in range(3):
        scene.round(10)
    assert scene.held() == [1]
    assert scene.store.waiting_count() == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_an_authority_that_asks_for_patience_gets_it(
    scene: Scene, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene.authority, "_audit", lambda body: HttpAnswer(status, {"retry-after": "7"}, b""))
    scene.sell()
    with pytest.raises(AuthorityAway) as away:
        scene.round()
    assert away.value.retry_after_seconds == 7
    assert scene.store.waiting_count() == 1


def test_what_was_judged_before_the_line_broke_is_settled(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.sell(3)
    audit = scene.authority._audit

    def break_at_the_third(body: bytes) -> HttpAnswer:
        if len(scene.authority.packages) == 2:
            raise AuthorityAway("cut")
        return audit(body)

    monkeypatch.setattr(scene.authority, "_audit", break_at_the_third)
    with pytest.raises(AuthorityAway):
        scene.round()
    assert scene.held() == [3]


def test_s2_085_verdicts_are_written_with_the_next_sale_or_after_a_second(scene: Scene) -> None:
    """A verdict costs no commit of its own while sales go on; a power cut before only sends the package again."""
    scene.sell()
    end = hold_round(scene.bench.device, scene.memory, scene.authority)
    assert scene.held() == [1]
    assert scene.store.waiting_count() == 0, "not sent twice meanwhile"
    assert end.wake_at <= scene.bench.clock.now + timedelta(seconds=1)
    scene.sell()
    assert scene.held() == [2], "the sale's commit took the verdict along"
    hold_round(scene.bench.device, scene.memory, scene.authority)
    scene.bench.clock.forward(seconds=1)
    hold_round(scene.bench.device, scene.memory, scene.authority)
    assert scene.held() == [], "without a sale, after a second"
    scene.sell()
    hold_round(scene.bench.device, scene.memory, scene.authority)
    scene.bench.device.abandon()
    scene.bench.switch_on().verify_pin(PIN)
    scene.memory = AuditMemory()
    assert scene.held() == [3]
    scene.round()
    assert len(scene.authority.packages[3]) == 2
    assert scene.held() == []


def test_without_pin_packages_go_but_no_audit_starts(scene: Scene) -> None:
    """S2-110: packages do not wait for a Start Audit."""
    scene.sell(2)
    scene.bench.reader.insert(scene.bench.card)
    for _ in range(3):
        scene.round(30)
    assert len(scene.authority.packages) == 2
    assert scene.authority.requests == []
    scene.bench.device.verify_pin(PIN)
    scene.round(1)
    assert len(scene.authority.requests) == 1


def test_a_result_that_could_not_be_reported_is_reported_later(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """S2-016."""
    report = scene.authority._report

    def away(command_id: str, body: bytes) -> HttpAnswer:
        raise AuthorityAway("cut")

    scene.authority.outstanding["X-1"] = Command("X-1", 2, "https://new/?vl=", UID)
    monkeypatch.setattr(scene.authority, "_report", away)
    with pytest.raises(AuthorityAway):
        scene.round(10)
    monkeypatch.setattr(scene.authority, "_report", report)
    scene.round(1)
    assert scene.authority.results["X-1"] is True


def test_a_result_that_the_authority_does_not_want_is_not_told_for_ever(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene.authority, "_report", lambda command_id, body: HttpAnswer(404, {}, b""))
    scene.authority.outstanding["X-1"] = Command("X-1", 2, "https://new/?vl=", UID)
    scene.round(10)
    scene.authority.outstanding.clear()
    before = scene.authority.calls["PUT commands"]
    scene.round(1)
    assert scene.authority.calls["PUT commands"] == before


def test_the_next_moment_is_told(scene: Scene) -> None:
    now = scene.bench.clock.now + timedelta(seconds=1)
    assert scene.round(1).wake_at <= now + TIMING.heartbeat
