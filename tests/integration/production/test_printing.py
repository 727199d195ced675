"""Printing in jobs that are confirmed; a PIN is in a letter once and nowhere else (S1-045)."""

from __future__ import annotations

import io
import logging
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
import zxingcpp
from cards import NOW, rsa_key
from PIL import Image
from production_bench import OMAR, PRINTER, VERA, ProductionBench, TestBox

from tallystick.authority.reference.production import printing
from tallystick.authority.reference.production.lifecycle import Deed, State
from tallystick.authority.reference.production.values import Batch, PrintJob, PrintKind
from tallystick.crypto.pin_letters import open_pin
from tallystick.device.applet.module import VirtualModule
from tallystick.device.secure_element import SecureElement
from tallystick.kernel.faults import Fault
from tallystick.ops.production.desk import ProductionDesk
from tallystick.ops.production.run import make_line

WHY = "the first print was scratched in the machine"
DIGITS = "7392"


def tool(name: str, *arguments: str) -> bytes:
    """A program of Debian's poppler-utils; without it the test is skipped and says so."""
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} here (Debian: apt-get install poppler-utils)")
    return subprocess.run([name, *arguments], check=True, capture_output=True, timeout=60).stdout


@pytest.fixture
def batch(bench: ProductionBench, box: TestBox) -> Batch:
    """Three modules that are made and recorded, all with one PIN."""
    batch = bench.open(3, blanks=4)
    with bench.station(choose_pin=lambda: DIGITS) as station:
        for line in (1, 2, 3):
            make_line(station, box, batch.batch_id, line)
    return batch


@pytest.fixture
def desk(bench: ProductionBench) -> ProductionDesk:
    return ProductionDesk(dsn=bench.dsn, came_from="portal", clock=lambda: NOW)


def refused(work: Any) -> str:
    with pytest.raises(Fault) as caught:
        work()
    return caught.value.code


def numbers(bench: ProductionBench, job: PrintJob) -> list[str]:
    return [str(module.number) for module in bench.do(lambda conn: printing.modules_of(conn, job))]


def test_s1_045_the_sheets_carry_number_and_both_codes_and_a_logo(
    bench: ProductionBench, batch: Batch, desk: ProductionDesk, tmp_path: Path
) -> None:
    logo = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="4"/></svg>'
    job, pdf = desk.visual("vera", batch.batch_id, "Tax Service", logo)
    saved = tmp_path / "sheets.pdf"
    saved.write_bytes(pdf)
    text = tool("pdftotext", "-layout", str(saved), "-").decode()
    page = Image.open(io.BytesIO(tool("pdftoppm", "-png", "-r", "300", "-singlefile", str(saved))))
    read = {(str(code.format), code.text) for code in zxingcpp.read_barcodes(page)}
    for number in numbers(bench, job):
        assert f"{number[:4]} {number[4:]}" in text
        assert {("Code 128", number), ("Data Matrix", number)} <= read
    assert text.count("valid until 05/2030") == 3, "four years from June 2026"


def test_a_jam_costs_the_pages_behind_it_and_no_more(
    bench: ProductionBench, batch: Batch, desk: ProductionDesk
) -> None:
    job, first = desk.visual("vera", batch.batch_id, "Tax Service", None)
    again, second = desk.visual("omar", batch.batch_id, "Tax Service", None)
    assert (again.job_id, second) == (job.job_id, first), "unconfirmed, the same job comes again, the same bytes"
    desk.printed("vera", job.job_id, 1)
    assert refused(lambda: desk.printed("vera", job.job_id, None)) == "TS-3065"
    rest, _ = desk.visual("vera", batch.batch_id, "Tax Service", None)
    assert rest.modules == job.modules[1:]
    assert refused(lambda: desk.printed("vera", rest.job_id, 3)) == "TS-1220"
    desk.printed("vera", rest.job_id, None)
    assert refused(lambda: desk.visual("vera", batch.batch_id, "Tax Service", None)) == "TS-3065"


def test_a_module_spoilt_at_the_printer_gets_a_successor(
    bench: ProductionBench, batch: Batch, desk: ProductionDesk, box: TestBox
) -> None:
    job, _ = desk.visual("vera", batch.batch_id, "Tax Service", None)
    torn = numbers(bench, job)[0]
    desk.printed("vera", job.job_id, None)
    assert bench.act(torn, Deed.SPOIL, reason=WHY) is State.SPOILT
    with bench.station() as station:
        keys = attrs.evolve(box)
        keys.make_key.next_number = 120  # type: ignore[attr-defined]
        make_line(station, keys, batch.batch_id, 1)
    rest, _ = desk.visual("vera", batch.batch_id, "Tax Service", None)
    assert len(rest.modules) == 1
    assert torn not in numbers(bench, rest)


def test_what_is_confirmed_is_what_was_in_the_file(bench: ProductionBench, batch: Batch, desk: ProductionDesk) -> None:
    """One module is torn between the file and its confirmation: its page is in that file still, and in no later one."""
    job, first = desk.visual("vera", batch.batch_id, "Tax Service", None)
    assert bench.act(numbers(bench, job)[0], Deed.SPOIL, reason=WHY) is State.SPOILT
    again, second = desk.visual("vera", batch.batch_id, "Tax Service", None)
    assert again.job_id != job.job_id, "another file has another number"
    assert again.modules == job.modules[1:]
    assert second != first
    assert refused(lambda: desk.printed("vera", job.job_id, 1)) == "TS-3065", "the number of the first file is void"
    desk.printed("vera", again.job_id, 1)
    printed = "SELECT array_agg(module_id) FROM production.module WHERE visual_printed_at IS NOT NULL"
    assert bench.value(printed) == list(again.modules[:1])


def test_a_page_that_was_printed_is_confirmed_although_its_module_was_torn_since(
    bench: ProductionBench, batch: Batch, desk: ProductionDesk
) -> None:
    job, _ = desk.letters("vera", batch.batch_id, "Tax Service", rsa_key(PRINTER))
    assert bench.act(numbers(bench, job)[0], Deed.SPOIL, reason=WHY) is State.SPOILT
    desk.printed("vera", job.job_id, 2)
    printed = "SELECT array_agg(module_id ORDER BY line) FROM production.module WHERE letter_printed_at IS NOT NULL"
    assert bench.value(printed) == list(job.modules[:2])
    assert bench.value("SELECT count(*) FROM production.module WHERE pin_sealed IS NOT NULL") == 1


def test_a_reprint_keeps_its_reason_where_a_module_of_it_is_torn(
    bench: ProductionBench, batch: Batch, desk: ProductionDesk
) -> None:
    job, _ = desk.visual("vera", batch.batch_id, "Tax Service", None)
    desk.printed("vera", job.job_id, None)
    made, _ = desk.again("vera", numbers(bench, job)[:2], PrintKind.VISUAL, WHY, "x", None)
    assert bench.act(numbers(bench, made)[1], Deed.SPOIL, reason=WHY) is State.SPOILT
    rest, _ = desk.visual("vera", batch.batch_id, "Tax Service", None)
    assert (rest.modules, rest.reason) == (made.modules[:1], WHY)
    assert bench.act(numbers(bench, rest)[0], Deed.SPOIL, reason=WHY) is State.SPOILT
    assert refused(lambda: desk.visual("vera", batch.batch_id, "Tax Service", None)) == "TS-3065"


def test_a_file_stays_what_it_is_in_the_database_too(
    bench: ProductionBench, batch: Batch, desk: ProductionDesk
) -> None:
    job, _ = desk.visual("vera", batch.batch_id, "Tax Service", None)
    with psycopg.connect(bench.dsn) as conn, pytest.raises(psycopg.errors.CheckViolation):
        conn.execute("UPDATE production.print_job SET modules = modules[2:]")
    desk.printed("vera", job.job_id, 1)
    with psycopg.connect(bench.dsn) as conn, pytest.raises(psycopg.errors.CheckViolation):
        conn.execute("UPDATE production.print_job SET printed = 2")


def test_a_reprint_needs_a_reason_and_a_letter_has_none(
    bench: ProductionBench, batch: Batch, desk: ProductionDesk
) -> None:
    job, _ = desk.visual("vera", batch.batch_id, "Tax Service", None)
    wanted = numbers(bench, job)[:1]
    assert refused(lambda: desk.again("vera", wanted, PrintKind.VISUAL, WHY, "x", None)) == "TS-3065"
    desk.printed("vera", job.job_id, None)
    assert refused(lambda: desk.again("vera", wanted, PrintKind.VISUAL, "", "x", None)) == "TS-1220"
    assert refused(lambda: desk.again("vera", ["NONE1234"], PrintKind.VISUAL, WHY, "x", None)) == "TS-4003"
    assert refused(lambda: desk.again("vera", wanted, PrintKind.LETTERS, WHY, "x", None)) == "TS-3066"
    made, _ = desk.again("vera", wanted, PrintKind.VISUAL, WHY, "x", None)
    assert made.modules == job.modules[:1]
    assert bench.value("SELECT reason FROM production.print_job ORDER BY job_id DESC LIMIT 1") == WHY


def test_a_pin_is_printed_once_and_is_the_card_s(
    bench: ProductionBench, batch: Batch, desk: ProductionDesk, box: TestBox, tmp_path: Path
) -> None:
    job, pdf = desk.letters("vera", batch.batch_id, "Tax Service", rsa_key(PRINTER))
    saved = tmp_path / "letters.pdf"
    saved.write_bytes(pdf)
    text = tool("pdftotext", "-layout", str(saved), "-").decode()
    assert len(re.findall(" ?".join(DIGITS), text)) == 3
    assert text.count("\f") == 3, "a page each"
    for number in numbers(bench, job):
        assert f"{number[:4]} {number[4:]}" in text
    desk.printed("vera", job.job_id, 2)
    assert bench.value("SELECT count(*) FROM production.module WHERE pin_sealed IS NOT NULL") == 1
    rest, _ = desk.letters("vera", batch.batch_id, "Tax Service", rsa_key(PRINTER))
    assert rest.modules == job.modules[2:]
    assert refused(lambda: bench.do(lambda conn: printing.sealed_pins(conn, job))) == "TS-3066"
    card = VirtualModule.open(box.place(1))
    session = SecureElement(card)
    session.select()
    session.verify_pin(DIGITS)
    card.power_off()


def test_a_sealed_pin_is_of_one_module_and_one_printer(bench: ProductionBench, batch: Batch) -> None:
    sealed = bench.value("SELECT pin_sealed FROM production.module WHERE line = 1")
    number, other = (str(bench.modules(batch)[at].number) for at in (0, 1))
    assert open_pin(sealed, number, rsa_key(PRINTER), moment=NOW) == DIGITS
    for name, key in ((other, rsa_key(PRINTER)), (number, rsa_key(100))):
        assert refused(lambda name=name, key=key: open_pin(sealed, name, key, moment=NOW)) == "TS-3066"


def test_no_pin_is_in_the_database_or_in_any_log(
    bench: ProductionBench, box: TestBox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    batch = bench.open(1, blanks=2)
    with bench.station(choose_pin=lambda: DIGITS) as station:
        make_line(station, box, batch.batch_id, 1)
    desk = ProductionDesk(dsn=bench.dsn, came_from="portal", clock=lambda: NOW)
    desk.letters("vera", batch.batch_id, "Tax Service", rsa_key(PRINTER))
    assert logging.getLogger("tallystick.card").isEnabledFor(5), "card traffic was logged"
    shown = re.compile(rf"(?<![0-9a-fA-F]){DIGITS}(?![0-9a-fA-F])|07030902")
    assert any("24" in record.getMessage() for record in caplog.records), "the command with the PIN was logged"
    assert [record.getMessage() for record in caplog.records if shown.search(record.getMessage())] == []
    assert stored(bench.dsn, DIGITS.encode()) == []
    assert stored(bench.dsn, bytes(map(int, DIGITS))) == []


def stored(dsn: str, secret: bytes) -> list[str]:
    """Columns of all our tables that hold these bytes, as text between borders or as raw bytes."""
    found = []
    with psycopg.connect(dsn) as conn:
        columns = conn.execute(
            """SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns
               WHERE table_schema IN ('production', 'activity', 'approvals', 'registry')"""
        ).fetchall()
        for schema, table, column, kind in columns:
            name = f'"{schema}"."{table}"'
            if kind == "bytea":
                query = f'SELECT count(*) FROM {name} WHERE position(%s IN "{column}") > 0'
                (count,) = conn.execute(query.encode(), [secret]).fetchone() or (0,)
            else:
                pattern = rf"(^|[^0-9A-Za-z.]){secret.decode('latin-1')}([^0-9A-Za-z.]|$)"
                if "\x00" in pattern or not secret.isdigit():
                    continue
                query = f'SELECT count(*) FROM {name} WHERE "{column}"::text ~ %s'
                (count,) = conn.execute(query.encode(), [pattern]).fetchone() or (0,)
            found += [f"{name}.{column}"] * bool(count)
    return found


def test_omar_confirms_what_vera_printed(bench: ProductionBench, batch: Batch, desk: ProductionDesk) -> None:
    job, _ = desk.visual("vera", batch.batch_id, "Tax Service", None)
    desk.printed("omar", job.job_id, 0)
    facts = bench.value("SELECT convert_from(body, 'UTF8') FROM activity.entry WHERE verb = 'production.printed'")
    assert '"printed":"0"' in facts
    assert OMAR.actor in facts
    assert VERA.actor not in facts
