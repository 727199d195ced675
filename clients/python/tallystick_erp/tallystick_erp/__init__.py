"""Reference client of the ERP channel: one connection, its sequence, its documents, and what became of them.

with Connection(url, "device.key", "device.pem", "root.pem", "erp.sqlite") as erp:
    erp.begin()
    booked = erp.submit(receipt(...), key="order-4711")
"""

from tallystick_erp.connection import Connection
from tallystick_erp.documents import closing, opening, receipt, registration, taxes_of
from tallystick_erp.faults import Away, ErpError, KeyTaken, Lost, Refused
from tallystick_erp.store import Booked
from tallystick_erp.webhooks import NotGenuine, verify

__all__ = [
    "Away", "Booked", "Connection", "ErpError", "KeyTaken", "Lost", "NotGenuine", "Refused", "closing", "opening",
    "receipt", "registration", "taxes_of", "verify",
]  # fmt: skip
