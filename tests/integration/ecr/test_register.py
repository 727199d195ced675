"""Our own offline register at the real doors: processes, ledger, database; hours without a network, and all arrives.

S0-061, S0-062, S0-064, S0-094, S0-095.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cut_line import Line, line_to
from ecr_country import ORIGIN, EcrCountry
from ecr_register import RealRegister, make_folder

from benchmarks import national_country
from benchmarks.national_till import NationalTill
from tallystick.authority.reference.registry import operations as registry
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Uid

pytestmark = pytest.mark.soak
HOURS = 5.0
PART = 6_000


def made(country: EcrCountry, folder: Path, papers: Any, port: int, device_class: str) -> Path:
    return make_folder(folder, papers, port, ORIGIN, country.pki.files.root, device_class)


def code_of(answer: Any) -> str:
    return str(answer["verification_url"]).rpartition("/")[2]


def state_of(country: EcrCountry, answer: Any) -> str:
    """What the public page says of a receipt, asked at the door for programs."""
    return str(country.till(1).ask("GET", f"/node/v1/receipts/{code_of(answer)}").json["status"])


@pytest.fixture
def line(country: EcrCountry) -> Iterator[Line]:
    with line_to(country.port) as made:
        yield made


@pytest.fixture(scope="module")
def papers(country: EcrCountry) -> list[NationalTill]:
    """Of hardware registers that were enrolled yesterday."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(national_country, "system_clock", lambda: yesterday)
        return country.enrol(5, DeviceClass.HARDWARE)


def away(till: RealRegister, line: Line) -> None:
    """Registered with a network; then without one, hours ago."""
    wait_for(lambda: till.do("reg", order="register"))
    line.down()
    till.do("open", order="open-shift", cash="100", cashier="Ana")
    assert not till.background.round()


def wait_for(work: Any) -> None:
    """A door follows the registry by notification, at the latest by its next poll."""
    end = time.monotonic() + 20
    while True:
        try:
            work()
            return
        except Fault:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def bring(till: RealRegister) -> bool:
    """Rounds until nothing waits, or the register has stopped."""
    end = time.monotonic() + 30
    while till.register.status().waiting and not till.register.is_stopped and time.monotonic() < end:
        if not till.background.round():
            time.sleep(0.05)
    return not till.register.status().waiting


def test_s0_062_hours_without_a_network_a_kill_a_cut_and_all_of_it_arrives(
    country: EcrCountry, tmp_path: Path, line: Line, papers: list[NationalTill]
) -> None:
    folder = made(country, tmp_path / "till", papers[0], line.port, "hardware")
    till = RealRegister(folder, timedelta(hours=HOURS), PART)
    away(till, line)
    first = till.sell("first")
    till.opened.close()

    child = [sys.executable, "-m", "ecr_register", str(folder), str(HOURS)]
    path = os.pathsep.join(["tests/support", str(Path.cwd())])
    with subprocess.Popen(child, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        answers = [json.loads(process.stdout.readline()) for _ in range(12)]
        process.kill()
    till.switch_on()
    assert till.sell("child-12") == answers[-1], "a receipt that was given is never made twice"
    last = till.sell("last")
    till.do("z", order="close-shift")
    assert not till.background.round()
    count = till.register.status().state.documents

    till.behind = timedelta(0)
    country.book_batches()
    line.up(left=7_000)
    assert state_of(country, first) == "pending"
    reached = till.background.round()
    assert (reached, line.cuts) == (False, 1), (line.left, till.register.status())
    assert till.register.status().trouble
    there = country.rows(
        "SELECT count(*) FROM batches.part JOIN batches.batch USING (uid, batch_id) WHERE uid = %s", papers[0].uid
    )
    till.restart()
    assert bring(till), till.register.status()
    assert there[0][0] > 0, "parts that had come stayed there"
    rows = "SELECT count(*) FROM ledger.identity WHERE signed_by = %s"
    assert country.rows(rows, papers[0].uid) == [(count,)]
    assert country.rows("SELECT count(*) FROM batches.batch WHERE uid = %s", papers[0].uid) == [(1,)]
    assert [state_of(country, one) for one in (first, answers[3], last)] == ["valid"] * 3
    status = till.register.status()
    assert (status.apart, status.stopped, status.trouble) == ("", "", "")

    till.do("open-2", order="open-shift", cash="0")
    on_line = till.sell("on-line")
    assert till.background.round()
    assert till.register.status().waiting == 0
    assert state_of(country, on_line) == "valid"
    till.opened.close()
    assert country.ledger.sweep() == []


def test_s0_095_an_outage_in_mid_shift_is_booked_while_the_shift_goes_on(
    country: EcrCountry, tmp_path: Path, line: Line, papers: list[NationalTill]
) -> None:
    """The page of a receipt goes from pending to valid soon after the network is back, without a Z report."""
    folder = made(country, tmp_path / "till", papers[2], line.port, "hardware")
    till = RealRegister(folder, timedelta(hours=HOURS), PART)
    away(till, line)
    sold = [till.sell("one"), till.sell("two")]
    till.behind = timedelta(0)
    country.book_batches()
    line.up()
    assert [state_of(country, one) for one in sold] == ["pending"] * 2
    assert bring(till), till.register.status()
    assert [state_of(country, one) for one in sold] == ["valid"] * 2
    assert till.register.status().state.is_open
    three = till.sell("three")
    assert bring(till)
    assert state_of(country, three) == "valid"
    rows = "SELECT first_sequence, last_sequence FROM batches.batch WHERE uid = %s ORDER BY 1"
    assert country.rows(rows, papers[2].uid) == [(1, 1), (2, 5)], "closed by the registration, and by the interim seal"
    till.do("z", order="close-shift")
    assert bring(till)
    till.opened.close()
    assert country.ledger.sweep() == []


def test_s0_064_revoked_in_mid_shift_it_sells_no_more_and_all_is_kept_apart(
    country: EcrCountry, tmp_path: Path, line: Line, papers: list[NationalTill]
) -> None:
    folder = made(country, tmp_path / "till", papers[3], line.port, "hardware")
    till = RealRegister(folder, timedelta(0), PART)
    wait_for(lambda: till.do("reg", order="register"))
    till.do("open", order="open-shift", cash="100", cashier="Ana")
    wait_for(lambda: bring(till) or till.register.settle())
    till.sell("one")
    with psycopg.connect(country.dsn) as conn:
        registry.revoke_certificate(conn, sha256(papers[3].certificate), Uid(papers[3].uid), datetime.now(UTC), 1)
    country.book_batches()
    country.until_barred(papers[3])
    till.background.round()
    assert till.register.status().barred.startswith("TS-1104")
    with pytest.raises(Fault) as caught:
        till.sell("two")
    assert caught.value.code in ("TS-1104", "TS-3252")
    bring(till)
    rows = "SELECT ordinal, codes FROM intake.quarantine WHERE signed_by = %s ORDER BY ordinal"
    assert country.rows(rows, papers[3].uid) == [(number, ["TS-2403"]) for number in (3, 4)]
    till.opened.close()
    assert country.ledger.sweep() == []


def test_s0_064_a_register_that_was_revoked_meanwhile_tells_its_cashier(
    country: EcrCountry, tmp_path: Path, line: Line, papers: list[NationalTill]
) -> None:
    folder = made(country, tmp_path / "till", papers[1], line.port, "hardware")
    till = RealRegister(folder, timedelta(hours=HOURS), PART)
    away(till, line)
    till.sell("one")
    till.do("z", order="close-shift")
    with psycopg.connect(country.dsn) as conn:
        registry.revoke_certificate(conn, sha256(papers[1].certificate), Uid(papers[1].uid), datetime.now(UTC), 1)
    till.behind = timedelta(0)
    line.up()
    country.book_batches()
    country.until_barred(papers[1])
    bring(till)
    rows = "SELECT ordinal, codes FROM intake.quarantine WHERE signed_by = %s ORDER BY ordinal"
    assert country.rows(rows, papers[1].uid) == [(number, ["TS-2403"]) for number in (1, 2, 3, 4)]
    status = till.register.status()
    assert "TS-2403" in status.apart
    assert "TS-2403" in status.stopped
    with pytest.raises(Fault) as caught:
        till.do("o2", order="open-shift")
    assert caught.value.code == "TS-3252"
    till.opened.close()
    assert country.ledger.sweep() == []


def test_s0_030_a_hold_over_a_kill_of_the_booking_and_all_is_valid_after_the_release(
    country: EcrCountry, tmp_path: Path, line: Line, papers: list[NationalTill]
) -> None:
    folder = made(country, tmp_path / "till", papers[4], line.port, "hardware")
    till, uid = RealRegister(folder, timedelta(hours=HOURS), PART), papers[4].uid
    away(till, line)
    sold = [till.sell("one"), till.sell("two")]
    till.do("z", order="close-shift")
    with psycopg.connect(country.dsn) as conn:
        registry.hold_device(conn, Uid(uid), datetime.now(UTC), "reported as stolen", "officer-1")
    till.behind = timedelta(0)
    country.book_batches()
    line.up()
    end = time.monotonic() + 30
    while not till.register.status().awaits_release and time.monotonic() < end:
        if not till.background.round():
            time.sleep(0.05)
    assert till.register.status().awaits_release
    stands = "SELECT state, attempts FROM batches.batch WHERE uid = %s ORDER BY first_sequence"
    assert country.rows(stands, uid)[-1] == ("closed", 0)
    assert [state_of(country, one) for one in sold] == ["pending"] * 2
    booking = country.doors.pop()
    booking.kill()
    booking.wait()
    country.book_batches()
    with psycopg.connect(country.dsn) as conn:
        registry.release_device(conn, Uid(uid), datetime.now(UTC), "found again", "officer-1")
    end = time.monotonic() + 30
    while country.rows(stands, uid)[-1][0] != "done" and time.monotonic() < end:
        time.sleep(0.1)
    assert country.rows(stands, uid)[-1] == ("done", 1)
    assert [state_of(country, one) for one in sold] == ["valid"] * 2
    till.behind -= timedelta(seconds=61)
    assert bring(till), till.register.status()
    status = till.register.status()
    assert (status.awaits_release, status.apart, status.stopped) == (False, "", "")
    assert country.rows("SELECT count(*) FROM intake.quarantine WHERE signed_by = %s", uid) == [(0,)]
    till.opened.close()
    assert country.ledger.sweep() == []
