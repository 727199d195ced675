"""Who sells on the national channels: two companies, and what each has."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.authority.reference.registry.values import FormFactor
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller
from tallystick.simulation.national.setup import DevicePlan

BASKETS_MOST = 150
"""Of each national seller: the shops with cards carry the day."""


def _seller(tin: str, company: str, place: str, address: str) -> Seller:
    return Seller(
        tin=Tin(tin), business_name=company, location_name=place, address=address, district="Harbour", country="AQ"
    )


COMPANY = ("100000000", "Grocers 1 Ltd")
"""The owner of the first shops with cards: it sells on every channel that there is."""
_OTHER = ("100700007", "Polar Markets Ltd")


def _plan(uid: str, device_class: DeviceClass, seller: Seller, place: str, form: FormFactor) -> DevicePlan:
    return DevicePlan(uid=Uid(uid), device_class=device_class, seller=seller, place=place, form_factor=form)


_HARBOUR = _seller(*COMPANY, "Harbour Supermarket", "2 Harbour Street")
_ICE = _seller(*_OTHER, "Ice Supermarket", "4 Ice Runway")
PLANS: Sequence[DevicePlan] = (
    _plan("MART0101", DeviceClass.SOFTWARE, _HARBOUR, "M1", FormFactor.POS),
    _plan("MART0102", DeviceClass.SOFTWARE, _HARBOUR, "M1", FormFactor.TABLET),
    _plan("MART0201", DeviceClass.SOFTWARE, _ICE, "M2", FormFactor.PC),
    _plan("MART0202", DeviceClass.SOFTWARE, _ICE, "M2", FormFactor.POS),
    _plan("TRCK0101", DeviceClass.HARDWARE, _seller(*COMPANY, "Truck 1", "on the road"), "T1", FormFactor.VEHICLE),
    _plan("TRCK0201", DeviceClass.HARDWARE, _seller(*_OTHER, "Truck 2", "on the road"), "T2", FormFactor.VEHICLE),
    _plan("ERPC0101", DeviceClass.ERP, _seller(*COMPANY, "Office", "1 Harbour Street"), "", FormFactor.SERVER),
)
"""Everyone, whatever the size of the run."""
