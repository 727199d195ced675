"""Tallystick: an open fiscal data operator, from a sale at a till to a signed, counted, provable ledger."""

__version__ = "0.1.0"
