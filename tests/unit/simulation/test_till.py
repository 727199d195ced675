"""A till as a careful POS: PIN when asked, the same request again after a lost answer, patience, a book of sales."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from tallystick.simulation.baskets import Basket, Line
from tallystick.simulation.till import PosClient, PosError, SalesBook, Till

Answer = Callable[[], dict[str, Any]]


class ScriptedPos:
    """Answers each sale by the next line of a script, and remembers what was asked."""

    def __init__(self, script: Sequence[Answer]) -> None:
        self.script = list(script)
        self.asked: list[tuple[bytes, str]] = []
        self.pins: list[str] = []

    def sell(self, body: bytes, request_id: str) -> dict[str, Any]:
        self.asked.append((body, request_id))
        return self.script.pop(0)()

    def send_pin(self, pin: str) -> str:
        self.pins.append(pin)
        return "0100"

    def close(self) -> None:
        """Nothing to close."""


def refuse(*codes: str, status: int = 400) -> Answer:
    def answer() -> dict[str, Any]:
        raise PosError(status, codes)

    return answer


def lose() -> dict[str, Any]:
    raise ConnectionError("the answer was lost")


def sign(number: int) -> Answer:
    url = "http://localhost/v/?vl="
    fields = {"invoiceNumber": f"A-A-{number}", "totalAmount": 1, "journal": "text", "verificationUrl": url}
    return lambda: dict(fields)


def baskets(count: int) -> list[Basket]:
    line = Line("Bread", Decimal("1.000"), Decimal("1.00"), "A", Decimal("1.00"))
    return [Basket(str(number), 1, datetime(2026, 1, 1, tzinfo=UTC), 1, (line,)) for number in range(1, count + 1)]


def till(pos: ScriptedPos, folder: Path, count: int, may_sell: threading.Event | None = None) -> Till:
    open_door = threading.Event()
    open_door.set()
    return Till(
        client=cast("PosClient", pos),
        pin="1234",
        cashier="Ana",
        baskets=baskets(count),
        book=SalesBook(folder / "book.txt"),
        stop=threading.Event(),
        may_sell=may_sell or open_door,
    )


def test_the_pin_is_sent_when_it_is_asked_for_and_the_sale_repeated(tmp_path: Path) -> None:
    pos = ScriptedPos([refuse("1500"), sign(1)])
    selling = till(pos, tmp_path, 1)
    selling.run()
    assert pos.pins == ["1234"]
    assert pos.asked[0] == pos.asked[1]
    assert selling.figures.sold == 1


def test_a_lost_answer_is_asked_for_with_the_same_bytes_and_id(tmp_path: Path) -> None:
    pos = ScriptedPos([lose, refuse("2210"), refuse(status=503), sign(1)])
    selling = till(pos, tmp_path, 1)
    selling.run()
    assert len(set(pos.asked)) == 1
    assert (selling.figures.sold, selling.figures.waits, selling.figures.failure) == (1, 3, "")


def test_a_basket_refused_for_good_is_counted_by_its_code(tmp_path: Path) -> None:
    selling = till(ScriptedPos([refuse("2310"), sign(1)]), tmp_path, 2)
    selling.run()
    assert selling.figures.refused == {"2310": 1}
    assert selling.figures.sold == 1


def test_a_further_run_goes_on_after_the_last_basket_and_a_torn_line_is_sold_again(tmp_path: Path) -> None:
    till(ScriptedPos([sign(1), sign(2)]), tmp_path, 2).run()
    book = tmp_path / "book.txt"
    assert book.read_text() == "1 A-A-1\n2 A-A-2\n"
    book.write_text("1 A-A-1\n2 A-")
    pos = ScriptedPos([sign(2), sign(3)])
    till(pos, tmp_path, 3).run()
    assert [request_id for _, request_id in pos.asked] == ["2", "3"]


def test_a_till_pauses_while_the_devices_have_too_much_to_send(tmp_path: Path) -> None:
    door = threading.Event()
    pos = ScriptedPos([sign(1)])
    selling = till(pos, tmp_path, 1, door)
    thread = threading.Thread(target=selling.run)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    assert not pos.asked
    door.set()
    thread.join(5)
    assert selling.figures.sold == 1
