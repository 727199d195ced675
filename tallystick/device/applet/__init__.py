"""The virtual secure element: the TaxCore applet as a state machine over APDU bytes, with no shortcut of its own.

Carries S2-020 to 027 and 095 on the card's side, 7.2 to 7.7 and 15 of the wire facts. Owns the files of a card folder:
`card.keys` (identity, written once by the factory), `card.state` (counters, two slots), and the PKI applet's pair.
"""

from __future__ import annotations

from tallystick.device.applet.card import VirtualCard
from tallystick.device.applet.factory import personalise
from tallystick.device.applet.identity import CardIdentity, Quirks

__all__ = ["CardIdentity", "Quirks", "VirtualCard", "personalise"]
