"""The cross-proof report: for each sequence what the others say, and which of them show what one has lost (S0-041)."""

from __future__ import annotations

import asyncio
import json

from ledger_bench import LedgerFolder, fill

from tallystick.authority.ledger.cross_proof import Sequence, Verdict, cross_proof
from tallystick.authority.ledger.findings import Shows
from tallystick.ops.cross_proof_lines import json_line, text_line


def report(ledger: LedgerFolder) -> dict[tuple[Shows, object], Sequence]:
    return {(one.shows, one.key): one for one in cross_proof(ledger.dsn)}


def not_complete(ledger: LedgerFolder) -> dict[Shows, Verdict]:
    return {one.shows: one.verdict for one in cross_proof(ledger.dsn) if one.verdict is not Verdict.COMPLETE}


def test_s0_041_each_sequence_is_complete_in_the_eyes_of_all_others_until_one_loses_something(
    ledger: LedgerFolder,
) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await fill(client, 60)

    asyncio.run(walk())
    whole = report(ledger)
    assert {one.verdict for one in whole.values()} == {Verdict.COMPLETE}
    device = whole[Shows.DEVICE, ("ABCD1234", "ABCD1234")]
    assert device.shown == dict.fromkeys((*Shows,)[:4], 20) | {Shows.LOG: 20, Shows.IDENTITY: 20}
    assert device.length == device.rows == 20
    kinds = {key[0] for shows, key in whole if shows is Shows.TYPE for key in [key]}  # type: ignore[index]
    assert {3, 6, 256} <= kinds, "events stand in the sequence of their type"
    assert "complete" in text_line(device)
    assert json.loads(json_line(device))["others"]["taxpayer"] == {"shown": 20, "expected": 20}

    ledger.back_up()
    (index,) = ledger.rows("SELECT log_index FROM ledger.device_links WHERE signed_by = 'ABCD1234' AND seq = 7")[0]
    for statement, silent in (
        ("DELETE FROM ledger.device_links WHERE log_index = {}", "device"),
        ("DELETE FROM ledger.taxpayer_links WHERE log_index = {}", "taxpayer"),
        ("DELETE FROM ledger.day_links WHERE log_index = {}", "day"),
        ("DELETE FROM ledger.type_links WHERE log_index = {}", "type"),
        ("DELETE FROM ledger.identity WHERE log_index = {}", "identity"),
        ("DELETE FROM ledger.bodies WHERE log_index = {}", "log"),
    ):
        ledger.edit(statement.format(index))
        found = report(ledger)
        device = found[Shows.DEVICE, ("ABCD1234", "ABCD1234")]
        assert device.verdict is Verdict.GAP, statement
        assert [(one.log_index, one.lacks) for one in device.places] == [(index, (silent,))]
        assert device.shown[Shows(silent)] == 19
        assert {shows for (shows, _), one in found.items() if one.verdict is Verdict.GAP} == {*Shows} & {
            Shows.DEVICE, Shows.TAXPAYER, Shows.TYPE, Shows.DAY
        }  # fmt: skip
        assert f"entry {index}: {silent} lacks it" in text_line(device)
        ledger.restore()

    # the log itself loses an entry: the four sequences still have it
    ledger.edit(
        f"DELETE FROM ledger.leaves WHERE log_index = {index}", f"DELETE FROM ledger.records WHERE log_index = {index}"
    )
    assert not_complete(ledger) == dict.fromkeys((Shows.DEVICE, Shows.TAXPAYER, Shows.TYPE, Shows.DAY), Verdict.GAP)
    device = report(ledger)[Shows.DEVICE, ("ABCD1234", "ABCD1234")]
    assert [(one.number, one.log_index, one.lacks) for one in device.places] == [(7, index, ("log",))]
    ledger.restore()

    # two say different things of one document
    ledger.edit(f"UPDATE ledger.taxpayer_links SET body_hash = sha256('other') WHERE log_index = {index}")
    assert set(not_complete(ledger).values()) == {Verdict.DISAGREEMENT}
    ledger.restore()

    # a tail cut out of one sequence and its head alike
    ledger.edit(
        "DELETE FROM ledger.device_links WHERE signed_by = 'ABCD1234' AND seq > 15",
        "UPDATE ledger.device_heads SET seq = 15 WHERE signed_by = 'ABCD1234'",
    )
    device = report(ledger)[Shows.DEVICE, ("ABCD1234", "ABCD1234")]
    assert (device.verdict, device.length, device.rows, device.expected[Shows.DAY]) == (Verdict.GAP, 15, 15, 20)
    ledger.restore()
    assert not not_complete(ledger)


def test_the_report_goes_on_over_damaged_records(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await fill(client, 9)

    asyncio.run(walk())
    ledger.edit("UPDATE ledger.records SET record = 'nonsense' WHERE log_index = 6")
    assert set(not_complete(ledger).values()) == {Verdict.GAP}
