"""Proof of audit as a playbook: cases 1 to 3, missing ordinals, requests that are repeated, a limit that is near."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from esdc_power import without_flushes
from esdc_rounds import Scene

from tallystick.device.esdc.authority_client import AuthorityAway, HttpAnswer
from tallystick.device.esdc.settings import Storage
from tallystick.device.esdc.store import SaleState
from tallystick.kernel.faults import PosFault
from tallystick.kernel.fixed_point import Money


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


def test_s2_117_case_1_one_package_one_proof(scene: Scene) -> None:
    scene.sell()
    scene.round(20)
    assert len(scene.authority.requests) == 1
    scene.round(1)
    assert scene.unaudited() == Money(0)
    assert scene.store.audit.finished_count() == 1
    record = scene.store.record(1)
    assert record is not None
    assert record[0] is SaleState.AUDITED
    scene.round(60)
    assert len(scene.authority.requests) == 1, "S2-088: nothing new, no start"


def test_s2_118_case_2_invoices_after_the_start_stay_unaudited(until_proof: Scene) -> None:
    """S2-110, S2-112, S2-113: the proof frees what was signed before its start, and no more."""
    scene = until_proof
    scene.sell(3)
    scene.authority.makes_proofs = False
    scene.round(20)
    scene.sell(3)
    scene.round()
    assert list(scene.authority.packages) == [1, 2, 3, 4, 5, 6], "S2-110: sent while the audit is open"
    assert scene.held() == [1, 2, 3, 4, 5, 6], "K-07: kept until the proof"
    scene.authority.makes_proofs = True
    scene.round(5)
    scene.round(1)
    assert scene.held() == [4, 5, 6]
    assert scene.unaudited() == Money.of("205.38")
    scene.round(20)
    scene.round(1)
    assert scene.held() == []
    assert scene.unaudited() == Money(0)


def test_s2_119_case_3_a_second_start_voids_the_first(until_proof: Scene) -> None:
    """The proof of the first start is refused by the card; with the second, 1 to 5 are audited."""
    scene = until_proof
    scene.sell(3)
    scene.authority.makes_proofs = False
    scene.round(20)
    scene.sell(2)
    scene.round(16)
    assert len(set(scene.authority.requests)) == 2
    first, second = scene.authority.requests[0], scene.authority.requests[-1]
    scene.authority._prove(first)
    scene.round(1)
    assert list(scene.authority.results.values())[-1] is False
    assert scene.held() == [1, 2, 3, 4, 5]
    scene.authority._prove(second)
    scene.round(1)
    assert list(scene.authority.results.values())[-1] is True
    assert scene.held() == []
    assert scene.unaudited() == Money(0)


def test_k_13_one_exchange_mends_a_hole(until_proof: Scene) -> None:
    """The round that hears what is missing sends it, and asks for nothing else in between."""
    scene = until_proof
    scene.sell(3)
    scene.round()
    del scene.authority.packages[2]
    before = scene.authority.calls["POST audit"]
    end = scene.round(20)
    assert len(scene.authority.requests) == 1
    assert scene.authority.calls["POST audit"] == before + 1, "one package, the missing one"
    assert len(scene.authority.packages[2]) == 1
    assert end.statuses == (4,)
    assert scene.authority.gone == []
    scene.round(5)
    scene.round(1)
    assert scene.unaudited() == Money(0)


def test_k_13_what_is_gone_is_said_once_in_the_log_and_to_the_authority(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """Deleted after status 4 (K-07), then lost by the authority: nobody has it, and both sides know."""
    scene.sell(3)
    scene.round()
    assert scene.held() == []
    del scene.authority.packages[2]
    end = scene.round(20)
    assert end.gone == ((2, 2),)
    assert scene.authority.gone == ["2"]
    assert caplog.text.count("TS-1406: the authority misses 2") == 1
    for _ in range(3):
        assert scene.round(5).gone == ((2, 2),)
    assert scene.authority.gone == ["2"], "told once, not at every question"
    scene.authority.packages[2] = [b""]
    assert scene.round(5).gone == ()


def test_k_13_a_large_hole_is_mended_in_several_rounds(until_proof: Scene) -> None:
    """One exchange sends as many as any round does; selling is never held up for longer."""
    scene = until_proof
    scene.bench.device.settings = attrs.evolve(scene.bench.settings, packages_in_a_row=2)
    scene.sell(5)
    for _ in range(3):
        scene.round()
    scene.authority.packages.clear()
    before = scene.authority.calls["POST audit"]
    scene.round(20)
    assert scene.authority.calls["POST audit"] == before + 2
    for _ in range(3):
        scene.round()
    assert sorted(scene.authority.packages) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("claims", "gone"),
    [
        ("1-4294967295", ()),
        ("4-4294967295", ()),
        (",".join(str(number) for number in range(1, 4000)), ()),
        ("-1,0,0-0,5-2,;DROP TABLE sale,\u0661", ()),
        ("2", ()),
    ],
)
def test_k_13_a_hostile_authority_learns_nothing_new(until_proof: Scene, claims: str, gone: object) -> None:
    """Whatever it says it misses: only this card's ordinals up to the start, only what is held, nothing is lost."""
    scene = until_proof
    scene.sell(3)
    scene.authority.makes_proofs = False
    scene.round()
    scene.authority.claims = claims
    end = scene.round(20)
    assert end.gone == gone
    assert scene.authority.gone == []
    assert set(scene.authority.packages) == {1, 2, 3}
    assert all(len(bodies) <= 2 for bodies in scene.authority.packages.values())
    assert scene.held() == [1, 2, 3]
    assert scene.store.waiting_count() == 0


def test_k_13_a_line_that_breaks_while_a_hole_is_mended_loses_nothing(
    until_proof: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = until_proof
    scene.sell(3)
    scene.round()
    scene.authority.packages.clear()
    audit = scene.authority._audit

    def break_at_the_second(body: bytes) -> HttpAnswer:
        if scene.authority.packages:
            raise AuthorityAway("cut")
        return audit(body)

    monkeypatch.setattr(scene.authority, "_audit", break_at_the_second)
    with pytest.raises(AuthorityAway):
        scene.round(20)
    assert scene.store.waiting_count() == 2, "they wait, whatever happens to the device now"
    monkeypatch.setattr(scene.authority, "_audit", audit)
    scene.round()
    assert sorted(scene.authority.packages) == [1, 2, 3]


def test_a_request_is_repeated_but_never_more_often_than_its_interval(scene: Scene) -> None:
    scene.authority.makes_proofs = False
    scene.sell()
    scene.round(20)
    for _ in range(8):
        scene.round(1)
    assert len(scene.authority.requests) == 2
    assert len(set(scene.authority.requests)) == 1, "the same request, not a new start"


def test_an_almost_full_store_starts_the_audit_at_once(until_proof: Scene) -> None:
    """The watermark of 90 %: what only a proof frees is asked for without waiting."""
    scene = until_proof
    scene.sell(3)
    scene.round(1)
    assert scene.authority.requests == []
    bound = scene.store.used_bytes() * 100 // 92
    scene.bench.device.settings = attrs.evolve(scene.bench.settings, storage=Storage(store_bytes_max=bound))
    scene.round(1)
    assert len(scene.authority.requests) == 1
    scene.round(1)
    assert scene.held() == []


def test_a_proof_that_comes_when_the_request_is_due_again_ends_the_cycle(scene: Scene) -> None:
    """The round that carries the proof out must not hand the same request in once more and reopen the cycle."""
    scene.authority.makes_proofs = False
    scene.sell()
    scene.round(20)
    scene.authority._prove(scene.authority.requests[0])
    scene.round(5)
    assert len(scene.authority.requests) == 1
    assert scene.store.audit.finished_count() == 1
    cycle = scene.store.audit.newest()
    assert cycle is not None
    scene.store.audit.note_submitted(cycle.cycle, 1)
    assert scene.store.audit.finished_count() == 1, "whatever comes late"


def test_s2_109_near_the_limit_the_audit_starts_at_once(tmp_path: Path) -> None:
    with without_flushes():
        scene = Scene(tmp_path, limit=100)
        scene.begin()
        scene.sell(2)
        with pytest.raises(PosFault, match="2210"):
            scene.sell()
        scene.round(1)
        scene.round(1)
        assert scene.unaudited() == Money(0)
        scene.sell(2)
        scene.round(1)
        assert len(scene.authority.requests) == 1, "S2-120: not before the floor"
        scene.round(5)
        assert len(scene.authority.requests) == 2
        scene.bench.close()
