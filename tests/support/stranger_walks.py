"""What a stranger's client does against a door: a day on line, a batch, and an ERP's documents."""

from __future__ import annotations

import json
import time
from typing import Any

from stranger import Said, Stranger, unb64url


def header_of(compact: str) -> Any:
    return json.loads(unb64url(compact.split(".", maxsplit=1)[0]))


def labels(of: Stranger) -> list[str]:
    """A tax in the price, and one by the piece where the country has one."""
    rates = of.stands["rates"]
    ordinary = next(one for one, kind in rates["types"].items() if kind == "tax-on-net" and rates["labels"][one] != "0")
    return [ordinary, *[one for one, kind in rates["types"].items() if kind == "amount-per-quantity"][:1]]


def day_on_line(till: Stranger) -> str:
    """Register, open, sell, repeat, refund, close; gives the code of the sale."""
    till.begin()
    if till.place == 0:
        till.do(till.registration())
    till.do(till.opening())
    both = labels(till)
    sold, compact = till.do(till.receipt([("Café", "2", "10.9", both[:1]), ("Brandy", "1", "24", both)]))
    again = till.post(compact)
    assert (again.status, again.body, again.headers["ts-replayed"]) == (200, sold.body, "1")
    original, code = sold.json["number"], till.code(compact)

    ahead = till.post(till.sign(till.receipt([("Tea", "1", "2", both[:1])]), ts_seq=str(till.place + 5)))
    assert (ahead.status, ahead.json["code"], ahead.json["retry"]) == (409, "TS-1402", "resign")
    assert ahead.json["expected"]["ts-seq"] == str(till.place + 1)
    assert unb64url(ahead.json["expected"]["ts-prev"]) == till.link
    late = till.post(till.sign(till.opening(), ts_time="2020-01-01T00:00:00.000Z"))
    assert late.json["code"] in ("TS-1301", "TS-1103")

    back = till.receipt([("Café", "1", "5.45", both[:1])], refund_of=original)
    given, _ = till.do(back)
    assert given.json["number"].endswith(f"-{till.place}")
    too_much = till.receipt([("Brandy", "2", "48", both)], refund_of=original)
    assert till.post(till.sign(too_much)).json["code"] == "TS-2104"
    wrong = till.closing() | {"cash": "1"}
    refused = till.post(till.sign(wrong)).json
    assert (refused["code"], refused["fields"][0]["pointer"]) == ("TS-2409", "/cash")
    till.do(till.closing())
    return code


def batch_of_a_day(till: Stranger) -> str:
    """A shift without a network, and the batch that brings it; gives the code of a sale."""
    till.begin()
    first, both = till.place + 1, labels(till)
    documents = till.offline([till.registration()] if till.place == 0 else [])
    documents += till.offline([till.opening("50")])
    documents += till.offline(
        [till.receipt([("Bread", "1", "3.2", both[:1])]), till.receipt([("Rum", "1", "9", both)])]
    )
    sale = documents[-1]
    waiting = till.report_head(len(documents), header_of(documents[0])["ts-time"])
    assert (waiting.status, waiting.json["head"]) == (200, str(till.place)), waiting.body
    documents += till.offline([till.closing()])
    said = settled(till, till.bring(documents, first))
    told = {name: said.json[name] for name in ("state", "booked", "apart", "refused", "doubled", "last")}
    assert told == {
        "state": "done", "booked": str(len(documents)), "apart": "0", "refused": "0", "doubled": "0",
        "last": str(till.place),
    }, said.body  # fmt: skip
    assert till.report_head(0).status == 200
    return till.code(sale)


def settled(till: Stranger, said: Said) -> Said:
    """The receipt of a batch, once it is there."""
    until = time.monotonic() + 60
    while said.json["state"] != "done" and time.monotonic() < until:
        time.sleep(0.2)
        said = till.call("GET", f"{till.facts['addresses']['batches']}/{said.json['batch']}")
    return said


def erp_documents(erp: Stranger) -> str:
    """A shift of an ERP: under keys, in a bulk, and what the feed says; gives the code of an invoice."""
    erp.begin()
    if erp.place == 0:
        erp.do(erp.registration(), Idempotency_Key="registration")
    opened = f"opening-{erp.shift + 1}"
    erp.do(erp.opening("0"), Idempotency_Key=opened)
    name = f"invoice-{erp.place}"
    only = labels(erp)[:1]
    lines = [("Consulting", "2", "100", only)]
    sold, compact = erp.do(erp.receipt(lines, "wire-transfer"), Idempotency_Key=name)
    anew = erp.post(erp.sign(erp.receipt(lines, "wire-transfer")), Idempotency_Key=name)
    assert (anew.status, anew.json["code"], anew.json["expected"]["number"]) == (409, "TS-3290", sold.json["number"])
    many = erp.offline([erp.receipt([("Hour", "1", f"{price}.5", only)], "card") for price in (1, 2, 3)])
    kind = "application/vnd.tallystick.documents"
    for state in ("booked", "repeated"):
        said = erp.call("POST", erp.facts["addresses"]["bulk"], "\n".join(many), Content_Type=kind)
        verdicts = [json.loads(line) for line in said.body.splitlines()]
        assert [one["state"] for one in verdicts] == [state] * 3, said.body
    erp.do(erp.closing(), Idempotency_Key=f"closing-{erp.shift}")
    events: list[dict[str, Any]] = []
    cursor, until = "", time.monotonic() + 30
    while f"{erp.uid}-{erp.uid}-{erp.place}" not in {one["number"] for one in events}:
        assert time.monotonic() < until, events
        page = erp.call("GET", f"{erp.facts['addresses']['feed']}{cursor and '?after=' + cursor}").json
        events += page["events"]
        cursor = page["next"]
    numbers = [one["number"] for one in events if one["type"] == "booked"]
    assert len(numbers) == len(set(numbers)) == erp.place
    return erp.code(compact)
