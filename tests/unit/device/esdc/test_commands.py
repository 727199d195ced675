"""Commands of the authority: once each, in order, results kept (S2-013 to S2-016, checklist 13)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from esdc_bench import PIN, UID, Bench, body, calm_country, configuration, setup_commands

from tallystick.device.esdc.commands import EndAudit, FinishCommand, is_good_configuration
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.setup_records import CommandRecord
from tallystick.device.esdc.store import Store
from tallystick.wire.configuration import environment_parameters
from tallystick.wire.pos_invoice import encode_json
from tallystick.wire.taxcore_api import Command, CommandType


class PowerCut(BaseException):
    """The power fails."""


def store_of(bench: Bench) -> Store:
    assert bench.device.session is not None
    return bench.device.session.store


def results(bench: Bench) -> dict[str, bool]:
    return dict(store_of(bench).setup.unreported())


def command(kind: int, payload: str, *, uid: str = UID, number: str = "N-1") -> Command:
    return Command(number, kind, payload, uid)


def test_the_initialization_set_is_carried_out_and_its_results_wait(bench: Bench) -> None:
    bench.device.obey_all(setup_commands())
    assert list(results(bench).items()) == [(f"{UID}-000{kind}", True) for kind in (0, 1, 2, 7)]
    assert bench.device.session is not None
    assert bench.device.session.setup is not None


def test_a_command_of_another_card_is_left_alone(bench: Bench) -> None:
    bench.device.obey_all([command(2, "https://other/?vl=", uid="OTHER001")])
    assert results(bench) == {}


def test_the_uid_is_compared_in_any_case(bench: Bench) -> None:
    bench.device.obey_all([command(2, "https://new/?vl=", uid=UID.lower(), number="ab-cd")])
    assert results(bench) == {"AB-CD": True}
    assert store_of(bench).setup.configuration() == {2: "https://new/?vl="}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (3, "never published"),
        (6, "never published"),
        (99, ""),
        (0, "not JSON"),
        (0, "[]"),
        (1, ""),
        (2, "https://x/\u0000"),
        (2, "x" * 5000),
        (2, "https://провера.example/v/?vl="),
        (7, "[]"),
        (7, encode_json(environment_parameters(configuration(("xx-XX",)))).decode()),
        (5, "not Base64!"),
        (5, "AAAA"),
        (8, "AAAA"),
    ],
)
def test_what_cannot_be_done_is_reported_as_failed(ready: Bench, kind: int, payload: str) -> None:
    """S2-015: each kind is judged in its own way; nothing of a refused one stays."""
    before = store_of(ready).setup.configuration()
    ready.device.obey_all([command(kind, payload)])
    assert results(ready)["N-1"] is False
    assert store_of(ready).setup.configuration() == before


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda: command(2, "https://other/?vl=", uid="OTHER001"), "TS-3170"),
        (lambda: command(5, "A" * 342 + "=="), "TS-3171"),
        (lambda: command(8, directive(1, 1)[:100] + "AAAA" + directive(1, 1)[104:]), "TS-3171"),
        (lambda: command(2, "https://again/?vl=", number=f"{UID}-0002"), "TS-3172"),
    ],
    ids=["another card's", "a proof with a wrong signature", "a directive that was changed", "a replay"],
)
def test_a_bad_command_is_coded_in_the_log_and_changes_nothing(
    ready: Bench, caplog: pytest.LogCaptureFixture, made: Callable[[], Command], code: str
) -> None:
    caplog.set_level("INFO")
    before = store_of(ready).setup.configuration()
    ready.device.obey_all([made()])
    assert [line.message[:7] for line in caplog.records if line.message.startswith("TS-")] == [code]
    assert store_of(ready).setup.configuration() == before
    ready.device.sell(Order(body=body()))


def test_the_deprecated_key_is_ignored_and_reported_as_done(bench: Bench) -> None:
    bench.device.obey_all([command(4, "old key")])
    assert results(bench) == {"N-1": True}
    assert store_of(bench).setup.configuration() == {}


def test_a_newer_configuration_replaces_the_one_before(ready: Bench) -> None:
    ready.device.obey_all([command(2, "https://new.example/v/?vl=")])
    answer = json.loads(ready.device.sell(Order(body=body())).answer)
    assert answer["verificationUrl"].startswith("https://new.example/v/?vl=")


def test_a_command_that_comes_again_is_not_run_again(ready: Bench) -> None:
    """Same commandId: the stored result is due once more."""
    ready.device.obey_all([command(2, "https://first/?vl=", number="same")])
    store_of(ready).setup.note_reported("SAME")
    assert "SAME" not in results(ready)
    ready.device.obey_all([command(2, "https://second/?vl=", number="Same")])
    assert results(ready)["SAME"] is True
    assert store_of(ready).setup.configuration()[2] == "https://first/?vl="


def directive(operation: int, number: int) -> str:
    from base64 import b64encode

    return b64encode(calm_country().directive(number, operation, uid=UID)).decode()


def test_a_directive_reaches_the_card(ready: Bench) -> None:
    disable = 1
    ready.device.obey_all([command(CommandType.FORWARD_SECURE_ELEMENT_DIRECTIVE, directive(disable, 1))])
    assert results(ready)["N-1"] is True
    from tallystick.kernel.faults import PosFault

    with pytest.raises(PosFault, match="2210"):
        ready.device.sell(Order(body=body()))


def proof(bench: Bench) -> str:
    from base64 import b64encode

    from tallystick.device.esdc.audit_needs import StartCycle

    made = bench.device.serve(StartCycle(bench.clock()).on)
    assert made is not None
    assert made.request is not None
    return b64encode(calm_country().proof(calm_country().audit_request(made.request))).decode()


def test_s2_095_a_proof_resets_the_card_and_frees_the_packages(ready: Bench) -> None:
    ready.device.sell(Order(body=body()))
    ready.device.obey_all([command(5, proof(ready))])
    assert results(ready)["N-1"] is True
    assert ready.device.session is not None
    assert ready.device.session.card.amount_status().sum.scaled == 0
    assert store_of(ready).held_count() == 0
    assert store_of(ready).audit.finished_count() == 1


def test_a_proof_interrupted_after_the_card_took_it_is_known_by_the_cards_word(
    ready: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power fails between End Audit and keeping its result: the repeat finds 6306 and counts as done."""
    ready.device.sell(Order(body=body()))
    order = command(5, proof(ready))
    perform = EndAudit.perform

    def cut(self: EndAudit, means: object) -> None:
        monkeypatch.setattr(EndAudit, "perform", perform)
        perform(self, means)  # type: ignore[arg-type]
        raise PowerCut

    monkeypatch.setattr(EndAudit, "perform", cut)
    with pytest.raises(PowerCut):
        ready.device.obey_all([order])
    ready.device.abandon()
    ready.switch_on().verify_pin(PIN)
    assert store_of(ready).setup.command("N-1") == CommandRecord(5, None, False)
    ready.device.obey_all([order])
    assert results(ready)["N-1"] is True
    assert store_of(ready).held_count() == 0


def test_a_proof_without_an_open_audit_failed(ready: Bench) -> None:
    """6306 alone, without an interruption before, is a failure."""
    order = proof(ready)
    ready.device.obey_all([command(5, order)])
    ready.device.obey_all([command(5, order, number="N-2")])
    assert results(ready)["N-1"] is True
    assert results(ready)["N-2"] is False


def test_a_card_that_wants_its_pin_first_lets_the_command_wait(ready: Bench) -> None:
    """Nothing is reported: the command stays outstanding and comes again."""
    ready.device.sell(Order(body=body()))
    order = command(5, proof(ready))
    ready.reader.insert(ready.card)
    ready.device.refresh()
    ready.device.obey_all([order])
    assert "N-1" not in results(ready)
    assert store_of(ready).setup.command("N-1") is None
    ready.device.verify_pin(PIN)
    ready.device.obey_all([order])
    assert results(ready)["N-1"] is True


def test_the_configuration_and_its_result_are_one_commit() -> None:
    """One need carries both, so no cut can come between them."""
    finish = FinishCommand(command_id="X", type=2, received_ms=1, success=True, payload="p")
    assert (finish.payload, finish.success) == ("p", True)


def test_the_time_server_is_taken_as_host_or_address() -> None:
    for payload in ("0.europe.pool.ntp.example", "http://0.europe.pool.ntp.example:80/"):
        assert is_good_configuration(command(1, payload), ["en-US"])
