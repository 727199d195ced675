"""One receipt to show, and what its buyer is told about it."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from tallystick.simulation.terminal_receipt import receipt_text
from tallystick.simulation.till import Sale

_PATIENCE_SECONDS = 5.0


@attrs.frozen
class SampleReceipt:
    """A receipt as a till got it."""

    number: str
    journal: str
    url: str
    picture: Path

    def text(self, columns: int) -> str:
        """The receipt for a terminal of so many columns."""
        return receipt_text(self.journal, self.url, columns, self.picture)

    def verification_status(self) -> str:
        """What the public page says, asked as a buyer's program would."""
        return status_of(self.url)


def status_of(url: str, wanted: str = "valid") -> str:
    """What the public page says of a receipt, asked until it says what is wanted, some seconds at most."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    until = time.monotonic() + _PATIENCE_SECONDS
    status = "not reached"
    while time.monotonic() < until:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE_SECONDS)
        try:
            connection.request("GET", path, headers={"Accept": "application/json"})
            answer = connection.getresponse()
            status = str(json.loads(answer.read())["status"]) if answer.status == 200 else f"HTTP {answer.status}"
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            status = f"not reached ({error})"
        finally:
            connection.close()
        if status == wanted:
            break
        time.sleep(0.1)
    return status


def sample_of(sale: Sale, picture: Path) -> SampleReceipt:
    """The receipt of a till's sale; its code is drawn into ``picture``."""
    return SampleReceipt(sale.invoice_number, sale.journal, sale.verification_url, picture)
