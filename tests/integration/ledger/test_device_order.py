"""A document that signed its place is booked there or nowhere: TS-1402, TS-1403; S0-041, security 3.5."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ledger_bench import CASH, LedgerFolder, document, fault_of, lines, registration

from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.entry import NewEntry
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_link, sha256
from tallystick.wire.compact_jws import write_base64url

UID = CASH[0]


class Chain:
    """A device that signs its place: the link before is under its signature."""

    def __init__(self, link: bytes) -> None:
        self.link = link
        self.seq = 0

    def next(self, **changes: Any) -> NewEntry:
        self.seq += 1
        entry = document(UID, self.seq, device_seq=self.seq, device_prev=self.link, **changes)
        self.link = device_link(self.link, self.seq, sha256(entry.body))
        return entry


async def _registered(client: SequencerClient, ledger: LedgerFolder) -> Chain:
    await client.append(registration(UID))
    [(link,)] = ledger.rows("SELECT link FROM ledger.device_heads WHERE signed_by = %s", UID)
    return Chain(link)


def test_s0_041_a_chain_is_booked_in_its_order(ledger: LedgerFolder) -> None:
    """Many at once, too: what one connection hands in after another is booked in that order."""

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            chain = await _registered(client, ledger)
            booked = await asyncio.gather(*[client.append(chain.next()) for _ in range(700)])
            indexes = [one.index for one in booked]
            assert indexes == sorted(indexes)
            assert ledger.rows("SELECT seq, link FROM ledger.device_heads") == [(700, chain.link)]

    asyncio.run(walk())
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))


@pytest.mark.parametrize("wrong", ["gap", "link"])
def test_ts_1402_another_place_or_link_is_told_the_right_one(ledger: LedgerFolder, wrong: str) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            chain = await _registered(client, ledger)
            await client.append(chain.next())
            expected = {"ts-seq": "2", "ts-prev": write_base64url(chain.link).decode()}
            if wrong == "gap":
                entry = document(UID, 3, device_seq=3, device_prev=chain.link)
            else:
                entry = document(UID, 2, device_seq=2, device_prev=sha256(b"another link"))
            before = ledger.rows("SELECT * FROM ledger.tree_state ORDER BY batch DESC LIMIT 1")
            with pytest.raises(Fault) as caught:
                await client.append(entry)
            assert (caught.value.code, caught.value.expected) == ("TS-1402", expected)
            assert ledger.rows("SELECT * FROM ledger.tree_state ORDER BY batch DESC LIMIT 1") == before
            await client.append(chain.next())

    asyncio.run(walk())


def test_ts_1403_two_documents_under_one_place(ledger: LedgerFolder) -> None:
    """The first again is the first answer; another one is evidence, and books nothing."""

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            chain = await _registered(client, ledger)
            link = chain.link
            first = chain.next()
            index = (await client.append(first)).index
            again = await client.append(first)
            assert (again.index, again.duplicate) == (index, True)
            rival = document(UID, 1, 20_000, device_seq=1, device_prev=link)
            assert await fault_of(client.append(rival)) == "TS-1403"
            assert ledger.rows("SELECT seq, link FROM ledger.device_heads") == [(1, chain.link)]

    asyncio.run(walk())
