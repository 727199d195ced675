"""The POS for makers of E-SDCs: silent about a device that keeps to the interface, plain about one that does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tallystick.simulation.sandbox_cards import SandboxError
from tallystick.simulation.sandbox_pos import TestPos, pos_for
from tallystick.simulation.till import PosError

RATES = {"taxCategories": [{"taxRates": [{"label": "A", "rate": 9}]}]}
MEMBERS = ("requestedBy", "signedBy", "sdcDateTime", "invoiceCounter", "invoiceNumber", "verificationUrl")


class GoodDevice:
    """As the interface has it; each flaw is switched on by name."""

    def __init__(self, *flaws: str) -> None:
        self.flaws = flaws
        self.sold: dict[str, dict[str, str]] = {}

    def call(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        name = path.removeprefix("/api/v3/")
        if name in self.flaws:
            raise ConnectionError("gone")
        if name == "environment-parameters":
            return {"supportedLanguages": [] if "mute" in self.flaws else ["en-US"]}
        if name == "status":
            return {"gsc": ["2400"] if "unready" in self.flaws else ["0100"], "currentTaxRates": RATES}
        if name.startswith("invoices/"):
            found = self.sold.get(name.removeprefix("invoices/"))
            return {**found, "journal": "other"} if found and "forgets" in self.flaws else found
        return None

    def send_pin(self, pin: str) -> str:
        return "2100" if "pin" in self.flaws else "0100"

    def sell(self, body: bytes, request_id: str) -> dict[str, Any]:
        request = json.loads(body)
        if request["items"][0]["labels"] == ["?"] and "anything" not in self.flaws:
            raise PosError(400, ("2805" if "vague" in self.flaws else "2310",))
        back = request["transactionType"] == 1 or request["invoiceType"] == 2
        if back and not request.get("referentDocumentNumber"):
            raise PosError(400, ("2800",))
        if "advances" in self.flaws and request["invoiceType"] == 4:
            raise PosError(400, ("2805",))
        left_out = {"verificationUrl"} if "no address" in self.flaws else set()
        self.sold[request_id] = {name: request_id for name in MEMBERS if name not in left_out}
        return self.sold[request_id]


def troubles(*flaws: str) -> dict[str, str]:
    walk = TestPos(GoodDevice(*flaws), "2017").walk()  # type: ignore[arg-type]
    return {finding.question: finding.trouble for finding in walk if finding.trouble}


def test_a_device_that_keeps_to_the_interface_is_asked_sixteen_things_and_praised() -> None:
    findings = list(TestPos(GoodDevice(), "2017").walk())  # type: ignore[arg-type]
    assert len(findings) == 16
    assert not [finding for finding in findings if finding.trouble]


@pytest.mark.parametrize(
    ("flaw", "question", "words"),
    [
        ("attention", "attention", "gone"),
        ("mute", "environment-parameters", "no supported language"),
        ("pin", "pin", "2100"),
        ("unready", "status", "2400"),
        ("advances", "Advance Sale", "2805"),
        ("no address", "Normal Sale", "verificationUrl"),
        ("forgets", "Copy Refund", "another invoice"),
        ("anything", "a label that does not exist", "it was sold"),
        ("vague", "a label that does not exist", "2805, not 2310"),
    ],
)
def test_what_a_device_does_otherwise_is_named(flaw: str, question: str, words: str) -> None:
    assert words in troubles(flaw)[question]


@pytest.mark.parametrize("url", ["127.0.0.1:8888", "https://x", "http://", ""])
def test_only_an_address_of_the_pos_api_will_do(url: str) -> None:
    with pytest.raises(SandboxError, match="no address such as"):
        pos_for(url, None)
