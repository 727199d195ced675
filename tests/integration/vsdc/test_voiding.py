"""A key that is lost while an invoice waits for it: the POS goes on, no number is given out twice, the ledger knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from vsdc_bench import Hosted, Pos
from vsdc_findings import findings

from tallystick.authority.channels.vsdc import store, voiding
from tallystick.authority.channels.vsdc.operations import set_signer_state
from tallystick.authority.channels.vsdc.signing import lacks_key_blocking
from tallystick.authority.channels.vsdc.values import SignerState
from tallystick.authority.channels.vsdc.voiding import VoidRefused, void_act
from tallystick.authority.ledger.client import append_blocking
from tallystick.kernel.faults import Fault


@attrs.define
class Loss:
    """A POS with an open act whose key is gone, and what an operator has to do something about it."""

    hosted: Hosted
    pos: Pos
    old: str
    waited: list[float] = attrs.field(factory=list)

    def means(self, **changes: Callable[..., Any]) -> voiding.Means:
        folder = self.hosted.folder
        means = voiding.Means(
            lacks_key=lambda label: lacks_key_blocking(folder / "signer", label),
            append=lambda entry: append_blocking(folder / "sequencer", entry),
            wait=self.waited.append,
            clock=self.hosted.clock,
        )
        return attrs.evolve(means, **changes)

    def void(self, means: voiding.Means | None = None, by: str = "Ana Officer") -> int:
        with self.hosted.database() as conn:
            return void_act(conn, means or self.means(), self.pos.uid, self.old, by=by, reason="disk lost")

    def retire(self) -> None:
        with self.hosted.database() as conn:
            set_signer_state(conn, self.old, SignerState.RETIRED)
        self.hosted.refresh()

    @property
    def key_file(self) -> Any:
        return self.hosted.folder / "signing" / f"vsdc-{self.old.lower()}.key"

    def lose_key(self) -> bytes:
        sealed: bytes = self.key_file.read_bytes()
        self.key_file.unlink()
        self.hosted.keys.close()
        return sealed


@pytest.fixture
def loss(hosted: Hosted) -> Loss:
    pos = hosted.pos()
    assert pos.sell(RequestId="one").json["totalCounter"] == 1
    return Loss(hosted, pos, hosted.services.hosted.signers[0].uid)


def test_a_lost_key_ends_its_pair_and_the_pos_goes_on(loss: Loss) -> None:
    hosted, pos = loss.hosted, loss.pos
    with pytest.raises(VoidRefused, match="no open act"):
        loss.void()
    sealed = loss.lose_key()
    assert pos.sell(RequestId="two").code == "TS-5004"
    with pytest.raises(VoidRefused, match="retire the signing element first"):
        loss.void()
    loss.retire()
    new = hosted.add_signer().uid
    assert pos.sell(RequestId="two").code == "TS-5004", "the begun invoice still stands in the way"
    with hosted.database() as conn:
        assert [(act.requested_by, act.signed_by, act.total_counter) for act in store.open_acts(conn)] == [
            (pos.uid, loss.old, 2)
        ]
    with pytest.raises(VoidRefused, match="who does this"):
        loss.void(by=" ")

    index = loss.void()
    assert loss.waited == [voiding.ON_ITS_WAY_SECONDS]
    answer = pos.sell(RequestId="two")
    assert (answer.json["signedBy"], answer.json["totalCounter"]) == (new, 1)
    assert pos.sell(RequestId="two").body == answer.body
    check_record(loss, index)

    loss.key_file.write_bytes(sealed)
    with hosted.database() as conn:
        set_signer_state(conn, loss.old, SignerState.ACTIVE)
        set_signer_state(conn, new, SignerState.RETIRED)
    hosted.refresh()
    assert pos.sell().code == "TS-5004", "a pair that ended takes no number, even where its key was found again"
    assert hosted.call(hosted.signer.recover()) == 0
    assert hosted.numbers(pos.uid) == sorted([(loss.old, 1), (new, 1)])
    assert findings(hosted) == []


def check_record(loss: Loss, index: int) -> None:
    hosted, pos = loss.hosted, loss.pos
    assert hosted.rows(
        "SELECT total_counter, void_entry FROM vsdc.pair WHERE requested_by = %s AND signed_by = %s", pos.uid, loss.old
    ) == [(2, index)]
    ((body,),) = hosted.rows("SELECT body FROM ledger.bodies WHERE log_index = %s", index)
    assert b'"outcome":"signed without result"' in bytes(body)
    assert b'"totalCounter":2' in bytes(body)


def test_a_key_that_is_there_or_a_store_that_is_away_voids_nothing(loss: Loss, monkeypatch: pytest.MonkeyPatch) -> None:
    hosted, pos = loss.hosted, loss.pos
    with monkeypatch.context() as patch:

        async def away(label: str, text: bytes) -> bytes:
            raise Fault("TS-5004")

        patch.setattr(hosted.services.signing, "sign", away)
        assert pos.sell(RequestId="two").code == "TS-5004"
        loss.retire()
        with pytest.raises(VoidRefused, match="has the key"):
            loss.void()
        with pytest.raises(Fault, match="TS-5004"):
            loss.void(loss.means(lacks_key=lambda label: lacks_key_blocking(hosted.folder / "nobody", label)))
        sealed = loss.key_file.read_bytes()
        loss.key_file.unlink()
        with pytest.raises(VoidRefused, match="has the key"):
            loss.void()  # its file is gone, but the signing process signs on until it ends
        loss.key_file.write_bytes(sealed)
        answers = iter((True, False))
        with pytest.raises(VoidRefused, match="has the key"):
            loss.void(loss.means(lacks_key=lambda _: next(answers)))
    hosted.add_signer()
    assert pos.sell(RequestId="two").json["totalCounter"] == 2, "the old element ended what it had begun"


def test_a_signature_that_was_on_its_way_wins(loss: Loss, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed before the key was lost, and booked while the operator waits: the number stands, nothing is void."""
    hosted, pos = loss.hosted, loss.pos
    real = hosted.services.sequencer.append
    with monkeypatch.context() as patch:

        async def stuck(entry: Any) -> Any:
            raise Fault("TS-5007", retry_after_seconds=1)

        patch.setattr(hosted.services.sequencer, "append", stuck)
        assert pos.sell(RequestId="two").code == "TS-5007"
    loss.retire()
    hosted.add_signer()

    def booked_meanwhile(_: float) -> None:
        assert hosted.services.sequencer.append == real
        assert pos.sell(RequestId="two").json["totalCounter"] == 2

    said = loss.means(lacks_key=lambda _: True)
    with pytest.raises(VoidRefused, match="no open act"):
        loss.void(attrs.evolve(said, wait=booked_meanwhile))

    with monkeypatch.context() as patch:
        patch.setattr(hosted.services.sequencer, "append", stuck)
        with hosted.database() as conn:
            set_signer_state(conn, loss.old, SignerState.ACTIVE)
        hosted.refresh()
        assert pos.sell(RequestId="three").code == "TS-5007"
    loss.retire()

    def append(entry: Any) -> Any:
        booked = append_blocking(hosted.folder / "sequencer", entry)
        assert pos.sell(RequestId="three").status == 200
        return booked

    with pytest.raises(VoidRefused, match="it stands"):
        loss.void(attrs.evolve(said, append=append))
    assert hosted.rows("SELECT count(*) FROM vsdc.pair WHERE voided_at IS NOT NULL") == [(0,)]
