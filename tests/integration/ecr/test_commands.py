"""Commands through the door (S0-030): a hint on any answer, commands, results, the log; over a real database."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
from cards import Country
from command_shop import Shop, opened
from ecr_till import AUDIENCE, Till
from pki_bench import shared_database
from remote_bench import HOLD, RELEASE

from tallystick.authority.channels.ecr.tally import Tally
from tallystick.authority.reference.remote.rates import RateTeller
from tallystick.authority.reference.taxrates.operations import publish_group
from tallystick.authority.reference.taxrates.queries import current_groups
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificates import TrustStore
from tallystick.crypto.command_units import arc_of_device, check_command_unit
from tallystick.crypto.pki import DemoPki
from tallystick.device.ecr.channel import HttpChannel
from tallystick.device.ecr.needs import Refused
from tallystick.device.ecr.remote.believing import Believer
from tallystick.kernel.device_commands import Outcome, RateChange, Resend
from tallystick.kernel.fixed_point import Rate
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.invoice import TaxCategoryType
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup
from tallystick.ops.remote_devices import DEVICES
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.wire.device_command import read_command
from tallystick.wire.ecr_api import COMMANDS_PATH, DEVICE_LOG_PATH, DOCUMENTS_PATH

OTHERS = "987654321"


@pytest.fixture(scope="module")
def shop(pki: DemoPki, home: Country, _hasty_server: str) -> Iterator[Shop]:
    with shared_database(_hasty_server, "ecr_commands") as conn, opened(pki, home, conn) as made:
        yield made


def test_s0_030_a_command_is_told_of_fetched_believed_and_answered(shop: Shop) -> None:
    till, answering = shop.till()
    assert "ts-commands" not in till.submit(till.registration()).headers
    number = shop.give(till.uid)
    assert till.submit(till.opening()).headers["ts-commands"] == str(number)
    refused = till.ask("GET", f"{DOCUMENTS_PATH}/nothing")
    assert (refused.code, refused.headers["ts-commands"]) == ("TS-4003", str(number)), "refusals tell it, too"
    status, headers, body = shop.ask(till, COMMANDS_PATH)
    assert (status, headers["cache-control"]) == (200, "no-store")
    told = json.loads(body)
    (compact,) = told["commands"]
    read = read_command(compact.encode())
    roots = TrustStore.from_pem(shop.door.pki.files.root.read_bytes())
    certificates = [b64decode(one) for one in told["certificates"]]
    signed, now = (read.signing_input, read.signature), datetime.now(UTC)
    check_command_unit(read.kid, certificates, roots, shop.door.pki.arc, *signed, now)
    assert (read.command.device, read.command.number, read.command.wanted) == (till.uid, number, HOLD)
    accepted = answering.result(number, compact.encode(), Outcome.ACCEPTED, at=now, state="active")
    assert shop.answer(till, number, accepted) == (201, "")
    done = answering.result(number, compact.encode(), at=now)
    assert [shop.answer(till, number, done)[0] for _ in range(3)] == [201, 200, 200]
    assert shop.commands(till) == []
    shop.view.refresh(shop.control.conn)
    assert "ts-commands" not in till.ask("GET", COMMANDS_PATH).headers


def test_ts_3305_only_the_device_itself_answers_for_this_command_and_environment(shop: Shop) -> None:
    (till, answering), (other, others) = shop.till(), shop.till()
    number = shop.give(till.uid)
    (command,) = shop.commands(till)
    now = datetime.now(UTC)
    good = answering.result(number, command, at=now)
    for body in (
        others.result(number, command, at=now),
        answering.result(number, command, at=now, device=Uid(other.uid)),
        answering.result(number, command, at=now, audience="fdo.example/aq/sandbox"),
        answering.result(number + 1, command, at=now),
        answering.result(number, command, at=now + timedelta(hours=1)),
        good[:-6] + b"AAAAAA",
        attrs.evolve(answering, key=others.key).result(number, command, at=now),
        b"not.a.result",
    ):
        assert shop.answer(till, number, body) == (422, "TS-3305")
    assert shop.answer(other, number, good) == (422, "TS-3305"), "nobody brings what another one signed"
    assert shop.answer(till, number, good, Content_Type="text/plain") == (415, "TS-1002")
    assert shop.answer(till, number, b"x" * 5_000) == (413, "TS-1003")
    assert shop.answer(other, 9, others.result(9, command, at=now)) == (404, "TS-3307")
    assert len(shop.commands(till)) == 1, "nothing of that changed anything"


def test_s0_030_what_was_signed_before_a_renewal_is_still_the_devices_word(shop: Shop) -> None:
    """Kept, and sent again until it is taken; but not where the certificate before is revoked, or had ended by then."""
    till, before = shop.till()
    number = shop.give(till.uid)
    (command,) = shop.commands(till)
    now, view = datetime.now(UTC), shop.door.view
    kept, old = before.result(number, command, at=now), view.certificates[sha256(till.papers.certificate)]
    renewed = shop.door.till(till.uid)
    assert renewed.papers.certificate != till.papers.certificate
    for spoilt in (attrs.evolve(old, revoked_at=now), attrs.evolve(old, not_after=now)):
        view.certificates[old.certificate_hash] = spoilt
        assert shop.answer(renewed, number, kept) == (422, "TS-3305")
    view.certificates[old.certificate_hash] = old
    assert [shop.answer(renewed, number, kept)[0] for _ in range(2)] == [201, 200]


def test_ts_3306_a_result_that_contradicts_is_kept_and_refused(shop: Shop) -> None:
    till, answering = shop.till()
    number = shop.give(till.uid, Resend(first=1))
    (command,) = shop.commands(till)
    now = datetime.now(UTC)
    assert shop.answer(till, number, answering.result(number, command, at=now)) == (201, "")
    turned = answering.result(number, command, Outcome.REFUSED, at=now)
    assert shop.answer(till, number, turned) == (409, "TS-3306")
    kept = "SELECT sort, compact FROM remote.result WHERE uid = %s ORDER BY sort"
    rows = shop.control.conn.execute(kept, [till.uid]).fetchall()
    shop.control.conn.rollback()
    assert [(sort, bytes(compact) == turned) for sort, compact in rows] == [("contradiction", True), ("final", False)]


def test_the_register_of_this_house_obeys_over_the_wire(shop: Shop, tmp_path: Path) -> None:
    """Its own channel and belief against the real door: told, fetched, believed, answered, and told no more."""
    till, answering = shop.till()
    root = TrustStore.from_pem(shop.door.pki.files.root.read_bytes())
    believer = Believer(root, arc_of_device(till.papers.certificate), till.uid, AUDIENCE)
    channel = HttpChannel(f"https://127.0.0.1:{till.port}", lambda: till.context)
    try:
        channel.look()
        assert channel.commands_wait == 0
        number = shop.give(till.uid)
        channel.look()
        assert channel.commands_wait == number
        (compact,), certificates = channel.commands()
        read = believer.read(compact, certificates, datetime.now(UTC))
        assert read.command.wanted == HOLD
        done = answering.result(number, compact, at=datetime.now(UTC))
        for _ in range(2):
            channel.tell(number, done)
        with pytest.raises(Refused, match="TS-3306"):
            channel.tell(number, answering.result(number, compact, Outcome.REFUSED, at=datetime.now(UTC)))
        assert channel.commands()[0] == []
        shop.view.refresh(shop.control.conn)
        channel.look()
        assert channel.commands_wait == 0
    finally:
        channel.close()


def test_s0_030_published_rates_reach_a_register_by_themselves(shop: Shop) -> None:
    """With the rights of the worker; signed, told of and fetched as any command."""
    till, answering = shop.till()
    now = datetime.now(UTC)
    category = TaxCategory("VAT", TaxCategoryType.TAX_ON_NET, 1, (TaxRate("A", Rate.of("20.5")),))
    publish_group(shop.control.conn, TaxRateGroup(now + timedelta(days=40), 77, (category,)))
    shop.control.conn.commit()
    with psycopg.connect(as_role(shop.control.conn.info.dsn, INTAKE)) as conn:
        assert RateTeller(DEVICES).round(conn, current_groups(conn), now) > 0
    shop.signed()
    (command,) = shop.commands(till)
    read = read_command(command)
    assert isinstance(read.command.wanted, RateChange)
    assert (read.command.wanted.group, read.command.wanted.labels) == (77, {"A": "20.5"})
    done = answering.result(read.command.number, command, at=now + timedelta(seconds=1), state="active")
    assert shop.answer(till, read.command.number, done) == (201, "")
    with psycopg.connect(as_role(shop.control.conn.info.dsn, INTAKE)) as conn:
        assert RateTeller(DEVICES).round(conn, current_groups(conn), now + timedelta(hours=1)) == 0


def test_a_device_gets_its_own_commands_alone(shop: Shop) -> None:
    (till, _), (other, _) = shop.till(), shop.till()
    shop.give(till.uid)
    assert (len(shop.commands(till)), shop.commands(other)) == (1, [])


def log_of(shop: Shop, till: Till, device: str = "") -> list[dict[str, Any]]:
    """Page by page, as a program would."""
    found, after = [], ""
    while True:
        status, _, body = shop.ask(till, f"{DEVICE_LOG_PATH}?after={after}" + (f"&device={device}" if device else ""))
        page = json.loads(body)
        assert status == 200
        found += page["entries"]
        after = page["after"]
        if "more" not in page:
            return found


def test_s0_030_the_taxpayer_reads_the_log_of_his_devices(shop: Shop) -> None:
    (till, answering), (other, _), (stranger, _) = shop.till(), shop.till(), shop.till(OTHERS)
    number = shop.give(till.uid)
    (command,) = shop.commands(till)
    shop.answer(till, number, answering.result(number, command, at=datetime.now(UTC)))
    shop.give(till.uid, RELEASE)
    assert log_of(shop, till) == [], "what is some seconds old only, so that a reader misses nothing"
    shop.door.clock.ahead = timedelta(seconds=30)
    try:
        told = log_of(shop, till)
        words = [one["what"] for one in told]
        first = ["registered", "held", "command", "command-fetched", "result", "released", "command"]
        assert sorted(words) == sorted(first)
        assert words.index("command") < words.index("command-fetched") < words.index("result")
        asked, answered = ([one["facts"] for one in told if one["what"] == what] for what in ("command", "result"))
        assert (asked[0]["kind"], asked[0]["number"]) == ("hold", str(number))
        assert answered == [{"number": str(number), "outcome": "done", "sequence": "7", "state": "hold"}]
        (held,) = [one for one in told if one["what"] == "held"]
        assert held["facts"] == {}, "who held it, and why, is not for its taxpayer"
        assert log_of(shop, other, till.uid) == told
        for foreign in (stranger.uid, "NOBODY01"):
            assert till.ask("GET", f"{DEVICE_LOG_PATH}?device={foreign}").code == "TS-4003"
        assert till.ask("GET", f"{DEVICE_LOG_PATH}?sales=1").status == 200
        assert till.ask("GET", f"{DEVICE_LOG_PATH}?sales=yes").code == "TS-1220"
        for bad in ("1", "x", "1.1.1.1.1", "9" * 30 + ".1.a.1", "1.1.a.1&after=2"):
            assert till.ask("GET", f"{DEVICE_LOG_PATH}?after={bad}").code == "TS-1220", bad
    finally:
        shop.door.clock.ahead = timedelta(0)


def test_calls_and_refusals_are_counted_by_day(shop: Shop) -> None:
    till, _ = shop.till()
    till.ask("GET", COMMANDS_PATH)
    for _ in range(2):
        till.ask("GET", "/ecr/v1/documents/nothing")
    tally, pool = shop.door.services.tally, shop.door.services.pool
    assert tally.write_down(pool.connection) > 0
    till.ask("GET", COMMANDS_PATH)
    tally.write_down(pool.connection)
    conn = shop.control.conn
    assert conn.execute("SELECT calls FROM ecr.contact_day WHERE uid = %s", [till.uid]).fetchall() == [(4,)]
    refusals = conn.execute("SELECT code, times FROM ecr.refusal_day WHERE uid = %s", [till.uid]).fetchall()
    conn.rollback()
    assert refusals == [("TS-4003", 2)]
    shop.door.clock.ahead = timedelta(days=1, minutes=1)
    try:
        days = {one["what"]: one["facts"] for one in log_of(shop, till)}
    finally:
        shop.door.clock.ahead = timedelta(0)
    assert days["calls"]["calls"] == "4"
    assert (days["refusals"]["code"], days["refusals"]["times"]) == ("TS-4003", "2")


def test_calls_and_builds_of_two_days_are_written_down_together(shop: Shop) -> None:
    till, _ = shop.till()
    clock, tally, pool = shop.door.clock, shop.door.services.tally, shop.door.services.pool
    tally.write_down(pool.connection)
    first = clock()
    try:
        for days in (0, 1):
            clock.ahead = timedelta(days=days)
            tally.proved(till.uid, "ab" * 32)
            tally.called(till.uid)
            tally.called(till.uid)
    finally:
        clock.ahead = timedelta(0)
    assert tally.write_down(pool.connection) == 4
    conn = shop.control.conn
    calls = conn.execute("SELECT calls FROM ecr.contact_day WHERE uid = %s ORDER BY day", [till.uid]).fetchall()
    proved = conn.execute("SELECT last_at FROM builds.proved WHERE uid = %s", [till.uid]).fetchall()
    conn.rollback()
    assert calls == [(2,), (2,)]
    assert len(proved) == 1
    assert proved[0][0] > first + timedelta(hours=23)


def test_counts_wait_while_the_database_is_away() -> None:
    tally, written = Tally(lambda: datetime(2026, 11, 27, 12, tzinfo=UTC)), []

    def away() -> AbstractContextManager[Connection]:
        raise psycopg.OperationalError("away")

    class Rows:
        """Takes what would be written."""

        def cursor(self, **_: object) -> object:
            raise psycopg.OperationalError("lost in the middle")

    @contextmanager
    def breaks() -> Iterator[Connection]:
        written.append(1)
        yield Rows()  # type: ignore[misc]

    for _ in range(3):
        tally.called("SOFT0001")
    for connect in (away, breaks):
        with pytest.raises(psycopg.OperationalError):
            tally.write_down(connect)
    tally.called("SOFT0001")
    assert [count.times for count in tally._counts.values()] == [4]
    assert written
