"""Packages renamed, cut off, of another card, with another ordinal: coded, logged, and nothing lost or booked twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from intake_live import Live, live_intake

from benchmarks.package_maker import seal
from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.faults import Fault

Test = Callable[[Live], Awaitable[None]]


@pytest.fixture
def run(database: str, tmp_path: Path, rsa_keys: list[PrivateKey], pack: CountryPack) -> Callable[[Test], None]:
    """Runs a test over a live intake."""

    def runner(test: Test) -> None:
        async def main() -> None:
            async with live_intake(database, tmp_path, rsa_keys, pack) as live:
                await test(live)

        asyncio.run(main())

    return runner


def changed(live: Live, plain: bytes, **result: Any) -> bytes:
    """A package whose result says something else than the card signed."""
    value = msgspec.json.decode(plain)
    value["result"].update(result)
    return seal(msgspec.json.encode(value), live.card.encryption_key)


async def books_nothing(live: Live, body: bytes, status: int, code: str, caplog: pytest.LogCaptureFixture) -> None:
    """Refused with that status and code, a line in the log, no document."""
    caplog.clear()
    answer = await live.submit(body)
    assert (answer.status, answer.code) == (status, code)
    assert [record.message for record in caplog.records if "package" in record.message]
    await live.shown()
    assert live.rows("SELECT count(*) FROM ledger.identity WHERE se_total > 0") == [(0,)]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"invoiceNumber": "ABCD1234-ABCD1234-7"}, 2, "TS-1312"),
        ({"totalCounter": 7, "invoiceNumber": "ABCD1234-ABCD1234-7"}, 2, "TS-1312"),
        ({"requestedBy": "WXYZ9876"}, 72, "TS-1313"),
        ({"signedBy": "WXYZ9876", "requestedBy": "WXYZ9876", "invoiceNumber": "WXYZ9876-WXYZ9876-1"}, 0, "TS-1202"),
    ],
    ids=["another number", "another ordinal", "another requester", "another card"],
)
def test_what_the_card_did_not_sign_is_refused_and_the_genuine_one_booked_after_all(
    run: Callable[[Test], None], caplog: pytest.LogCaptureFixture, changes: dict[str, Any], status: int, code: str
) -> None:
    async def test(live: Live) -> None:
        plain = live.card.plain()
        await books_nothing(live, changed(live, plain, **changes), status, code, caplog)
        answer = await live.submit(seal(plain, live.card.encryption_key))
        assert (answer.status, answer.replayed) == (4, False)
        await live.shown()
        assert live.rows("SELECT se_total FROM ledger.identity WHERE se_total > 0") == [(1,)]

    run(test)


@pytest.mark.parametrize("keep", [0, 1, 200, -1])
def test_a_package_that_was_cut_off_is_no_package(run: Callable[[Test], None], keep: int) -> None:
    async def test(live: Live) -> None:
        body = live.card.package()
        with pytest.raises(Fault, match="TS-121"):
            await live.submit(body[:keep])
        assert (await live.submit(body)).status == 4

    run(test)


def test_a_payload_that_was_cut_off_inside_its_envelope(
    run: Callable[[Test], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def test(live: Live) -> None:
        value = msgspec.json.decode(live.card.package())
        value["payload"] = value["payload"][: len(value["payload"]) // 8 * 4]
        await books_nothing(live, msgspec.json.encode(value), 0, "TS-1202", caplog)

    run(test)


def test_a_renamed_package_is_what_it_holds(run: Callable[[Test], None]) -> None:
    """On the wire a file has no name: the signature inside says which invoice it is, whoever sends it (K-23)."""

    async def test(live: Live) -> None:
        first, second = live.card.package(), live.card.package()
        assert (await live.submit(second)).status == 4
        assert (await live.submit(first, sender=live.other)).status == 4
        await live.shown()
        numbers = live.rows("SELECT se_total FROM ledger.identity WHERE se_total > 0 ORDER BY 1")
        assert numbers == [(1,), (2,)]

    run(test)
