"""The account of a card, from its own counter to the ledger, at every step that an invoice takes."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import attrs
import psycopg
from esdc_bench import UID
from esdc_power import without_flushes
from whole_audit import WholeAudit, whole_audit

from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.identifiers import Uid
from tallystick.simulation.accounting import CardPlaces, account_cards

Figures = tuple[int, int, int, int, int]


def test_k_13_signed_waiting_lost_found_arrived_and_audited(
    database: str, tmp_path: Path, rsa_keys: list[PrivateKey]
) -> None:
    """A package that leaves the store before it was sent is lost, until it is found on a medium."""
    shop, stick = tmp_path / "shop" / UID, tmp_path / "stick"
    store = shop / "esdc.db"
    places = CardPlaces(uid=Uid(UID), name="Shop", card=shop, told=3, stores=(store,), media=(stick,))

    def figures(of: CardPlaces = places) -> Figures:
        with psycopg.connect(database, autocommit=True) as conn:
            (found,) = account_cards(conn, [of])
        return found.signed, found.arrived, found.audited, found.waiting, found.lost

    async def test(whole: WholeAudit) -> None:
        whole.sell(3)
        assert figures() == (3, 0, 0, 3, 0)
        assert figures(attrs.evolve(places, told=0, stores=())) == (3, 0, 0, 0, 3), "the card itself counts"
        package = taken_out_of(store, 2)
        assert figures() == (3, 0, 0, 2, 1)
        await whole.round()
        assert figures() == (3, 2, 0, 0, 1), "what was sent has arrived, the other is lost still"
        (stick / UID).mkdir(parents=True)
        (stick / UID / f"{UID}-{UID}-2.json").write_bytes(package)
        assert figures() == (3, 2, 0, 1, 0), "a stick holds it"
        put_back_into(store, 2, package)
        await whole.round(20)
        assert figures() == (3, 3, 0, 0, 0)
        assert (await whole.work(60)).issued == 1
        await whole.round()
        assert figures() == (3, 3, 3, 0, 0)

    async def main() -> None:
        async with whole_audit(database, tmp_path, rsa_keys) as whole:
            await test(whole)

    with without_flushes():
        asyncio.run(main())


def taken_out_of(store: Path, ordinal: int) -> bytes:
    """What a broken disk does to one package, with a copy for later."""
    with closing(sqlite3.connect(store)) as connection, connection:
        (body,) = connection.execute("DELETE FROM package WHERE ordinal = ? RETURNING body", (ordinal,)).fetchall()[0]
    return bytes(body)


def put_back_into(store: Path, ordinal: int, package: bytes) -> None:
    """The copy is restored."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("INSERT INTO package (ordinal, body) VALUES (?, ?)", (ordinal, package))
