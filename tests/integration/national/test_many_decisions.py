"""K-05, S0-064: a revoked register's documents are decided about at once by two officers, each judged by itself."""

from __future__ import annotations

import psycopg
import pytest
from batch_bench import BatchBench, Sealed, code_of, run_batches
from ledger_bench import LedgerFolder
from places_bench import OMAR, VERA, Officers

from benchmarks.national_till import NationalTill
from tallystick.authority.intake.held import Decision
from tallystick.authority.oversight.activity import queries as activity
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.kernel.national_document import DocumentKind
from tallystick.wire.document_jws import read_signed
from tallystick.wire.offline_batch import make_manifest, split_parts

_STATES = "SELECT state, count(*) FROM intake.quarantine WHERE signed_by = %s GROUP BY state ORDER BY state"
_ANOTHER = """INSERT INTO intake.quarantine (act_hash, body_hash, file_hash, body, requested_by, signed_by, ordinal,
    tin, turnover, step, codes, verdict, received_at, entry_index)
    SELECT sha256(act_hash), body_hash, file_hash, body, requested_by, signed_by, ordinal, tin, turnover, step, codes,
    verdict, received_at, entry_index FROM intake.quarantine WHERE signed_by = %s AND ordinal = 3"""
_ANOTHER_LATER = _ANOTHER.replace("entry_index FROM", "entry_index + 1000000 FROM")
_ANOTHER_GOES = """DELETE FROM intake.quarantine WHERE signed_by = %s
    AND act_hash IN (SELECT sha256(act_hash) FROM intake.quarantine WHERE signed_by = %s)"""


def revoke(bench: BatchBench, till: NationalTill) -> None:
    """In the register of the doors, and in the tables where the age of documents is looked for."""
    bench.bench.registry.change_certificate(till, revoked_at=bench.now, revocation_reason=1)
    digest = sha256(till.certificate)
    with psycopg.connect(bench.bench.ledger.dsn) as conn:
        conn.execute("SET session_replication_role = replica")  # no taxpayer and no device are entered here
        conn.execute(
            "INSERT INTO registry.device_certificate (certificate_hash, uid, device_class, tin, authority, certificate,"
            " not_before, not_after, entered_at) VALUES (%s, %s, %s, %s, 'device-ca', %s, 'epoch', 'infinity', now())",
            [digest, till.uid, int(DeviceClass.HARDWARE), till.tin, till.certificate],
        )
        conn.execute(
            "INSERT INTO registry.revoked_certificate (certificate_hash, uid, revoked_at, reason)"
            " VALUES (%s, %s, %s, 1)",
            [digest, till.uid, bench.now],
        )


async def revoked_register(bench: BatchBench, older: int, younger: int) -> tuple[NationalTill, Sealed]:
    """A register whose batch lies apart: so many documents that an anchor shows to be older than its revocation, and so
    many that nothing does. Another batch of two that it had announced as well, and that is not closed yet."""
    till = await bench.register()
    at = bench.now
    documents = [till.register(at), till.open_shift(at), *(till.sell(at) for _ in range(older + younger - 3))]
    documents.append(till.report(at, DocumentKind.STATUS))
    parts = [*split_parts(documents[: older - 1]), *split_parts(documents[older - 1 :])]
    sealed, head = bench.seal(till, documents), till.link
    other = bench.seal(till, [till.sell(at), till.report(at)])
    bench.announce(till, sealed)
    bench.announce(till, other)
    bench.put(till, sealed, 1, parts[0])
    bench.later(minutes=1)
    assert bench.report_head(till, older, read_signed(documents[older]).header.previous) == ""
    bench.later(minutes=1)
    revoke(bench, till)
    bench.later(minutes=1)
    bench.put(till, sealed, 2, parts[1])
    bench.put(till, other, 1)
    manifest = make_manifest(sealed.batch, [read_signed(one) for one in documents], parts)
    bench.close(till, bench.sign(till, manifest, head))
    await bench.book()
    return till, other


def acts(bench: BatchBench, verb: str, thing: str = "") -> list[dict[str, str]]:
    """Facts of the acts of this verb, about this thing."""
    with psycopg.connect(bench.bench.ledger.dsn) as conn:
        found = [one.act for one in activity.newest(conn, limit=500)]
    return [dict(act.facts) for act in found if act.verb == verb and thing in ("", act.object)]


def test_k_05_one_decision_about_thirty_books_the_twenty_that_are_older(batch_ledger: LedgerFolder) -> None:
    """Killed twice behind the ledger, one decided by itself meanwhile, a batch that came later: what both officers saw
    is what is decided, once, in the order of the register, and the rest waits."""

    async def walk(bench: BatchBench) -> None:
        officers = Officers(bench)
        till, other = await revoked_register(bench, 20, 10)
        seen = officers.look(till)
        assert (seen.extent.first, seen.extent.last, seen.count, seen.older) == (1, 30, 30, 20)
        assert (seen.codes, seen.turnover) == ({"TS-2403": 30}, Money.of("153.9000"))
        number = officers.ask_many(seen)
        assert code_of(officers.ask_many, seen, Decision.REJECT, OMAR) == "TS-4004"
        assert code_of(officers.approve, number, VERA) == "TS-4005"
        await officers.work()
        assert batch_ledger.rows(_STATES, till.uid) == [("received", 30)], "one officer decides nothing"
        bench.close(till, other.manifest)
        await bench.book()
        assert officers.look(till).count == 32
        await officers.decide(bench.held(till, 1), Decision.READMIT)
        officers.approve(number)
        for dies_after in (3, 9):
            officers.dies_after = dies_after
            with pytest.raises(RuntimeError):
                await officers.work()
            assert code_of(officers.ask_many, officers.look(till)) == "TS-4004", "it is in work"
            bench.later(seconds=1)
        await officers.work()
        assert batch_ledger.rows(_STATES, till.uid) == [("readmitted", 20), ("received", 12)]
        assert bench.codes(till, 19, 20) == [(), ("TS-1104",)], "the last one arrived after the revocation"
        known = "SELECT array_agg(se_total ORDER BY log_index) FROM ledger.identity WHERE signed_by = %s"
        assert batch_ledger.rows(known, till.uid) == [(list(range(1, 21)),)]
        far = officers.newest_many()
        assert (far.request_id, far.done, far.left_waiting, far.codes) == (number, 19, 10, {"TS-3040": 10})
        assert far.hindrance.startswith("number 21: TS-3040: the signer was revoked at")
        assert far.finished_at is not None
        assert officers.hindrance(till, 21).startswith("TS-3040")
        assert officers.hindrance(till, 31) == "", "it came after the question"
        for sequence in range(1, 21):
            assert len(acts(bench, "quarantine.readmit", bench.held(till, sequence).act_hash.hex())) == 1
        [end] = acts(bench, "quarantine.decide-many", till.uid)
        assert (end["done"], end["left"], end["codes"], end["asked_by"]) == ("19", "10", "TS-3040: 10", "vera")

    run_batches(batch_ledger, walk)


def test_what_is_left_behind_a_hole_follows_once_its_turn_has_come(batch_ledger: LedgerFolder) -> None:
    """A document whose place alone is against it gets no mark: the next decision about many takes it."""

    async def walk(bench: BatchBench) -> None:
        officers = Officers(bench)
        till, _ = await revoked_register(bench, 4, 1)
        officers.approve(officers.ask_many(officers.look(till, 2, 4)))
        await officers.work()
        far = officers.newest_many()
        assert (far.done, far.codes) == (0, {"TS-3041 (TS-1402)": 3})
        assert [officers.hindrance(till, number) for number in (2, 3, 4)] == [""] * 3
        number = officers.ask_many(officers.look(till))
        with psycopg.connect(officers.dsn) as conn:
            conn.execute(_ANOTHER_LATER, [till.uid])
        officers.approve(number)
        await officers.work()
        with psycopg.connect(officers.dsn) as conn:
            conn.execute(_ANOTHER_GOES, [till.uid, till.uid])
        assert (officers.newest_many().done, officers.newest_many().left_waiting) == (4, 1)
        officers.approve(officers.ask_many(officers.look(till), Decision.REJECT))
        await officers.work()
        assert batch_ledger.rows(_STATES, till.uid) == [("readmitted", 4), ("rejected", 1)]
        assert code_of(officers.look, till) == "TS-4003"

    run_batches(batch_ledger, walk)


def test_other_documents_than_both_saw_make_it_void(batch_ledger: LedgerFolder) -> None:
    """Somebody with all rights over the tables puts one more between question and approval."""

    async def walk(bench: BatchBench) -> None:
        officers = Officers(bench)
        till, _ = await revoked_register(bench, 3, 1)
        seen = officers.look(till)
        number = officers.ask_many(seen)
        with psycopg.connect(officers.dsn) as conn:
            conn.execute(_ANOTHER, [till.uid])
        officers.approve(number)
        await officers.work()
        far = officers.newest_many()
        assert (far.done, far.left_waiting, far.hindrance[:7]) == (0, 0, "TS-4007")
        assert far.finished_at is not None
        assert batch_ledger.rows(_STATES, till.uid) == [("received", 5)]
        assert code_of(officers.ask_many, seen) == "TS-4007"
        with psycopg.connect(officers.dsn) as conn:
            conn.execute(_ANOTHER_GOES, [till.uid, till.uid])

    run_batches(batch_ledger, walk)


def test_ts_4003_what_is_no_device_has_nothing_that_waits(batch_ledger: LedgerFolder) -> None:

    async def walk(bench: BatchBench) -> None:
        officers = Officers(bench)
        till = await bench.register()
        assert code_of(officers.look, till) == "TS-4003"
        for uid in ("", "HARD\x00001", "x" * 99):
            till.uid = uid
            assert code_of(officers.look, till) == "TS-4003"

    run_batches(batch_ledger, walk)
