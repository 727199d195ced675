"""The second version of the interface, still found in POS of Fiji: other names in front of the same signer (wire: 9).

POST ``/api/Sign/SignInvoice``; the PAC stands in the body, there is one kind of payment and no Advance.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tallystick.authority.channels.vsdc.hosted_signer import HostedSigner
from tallystick.authority.channels.vsdc.identity import Gatekeeper
from tallystick.authority.channels.vsdc.problems import JSON, answer_fault
from tallystick.authority.channels.vsdc.requests import certificate_of, read_order
from tallystick.authority.channels.vsdc.sale import Order
from tallystick.authority.channels.vsdc.siblings import SharedSigner
from tallystick.kernel.faults import Fault, PosFault
from tallystick.kernel.status_codes import StatusCode
from tallystick.kit.asgi import Answer, Receive, Scope
from tallystick.wire import strict_json
from tallystick.wire.pos_invoice import encode_json
from tallystick.wire.pos_languages import LanguageNotOffered

_REQUEST = {
    "bd": "buyerId",
    "it": "invoiceType",
    "tt": "transactionType",
    "dateandtimeofissue": "dateAndTimeOfIssue",
    "cashier": "cashier",
    "buyercostcenterid": "buyerCostCenterId",
    "invoicenumber": "invoiceNumber",
    "referentdocumentnumber": "referentDocumentNumber",
    "options": "options",
}
_ITEM = {
    "gtin": "gtin",
    "name": "name",
    "quantity": "quantity",
    "labels": "labels",
    "unitprice": "unitPrice",
    "totalamount": "totalAmount",
}
_ANSWER = {"sdcDateTime": "DT", "invoiceNumber": "IN", "invoiceCounter": "IC", "encryptedInternalData": "ID"}
_ANSWER |= {"signature": "S", "tin": "TIN", "mrc": "MRC"}
_ADVANCE = frozenset({"4", "advance"})


class OlderInterface:
    """An adapter; what it hands on is an ordinary request of the third version."""

    def __init__(self, gatekeeper: Gatekeeper, signer: HostedSigner | SharedSigner) -> None:
        self._gatekeeper = gatekeeper
        self._signer = signer

    async def sign(self, scope: Scope, receive: Receive) -> Answer:
        """One request; errors in the shape of that version, with the same HTTP statuses."""
        try:
            order = await read_order(scope, receive)
            members = _members(order.body)
            pac = members.get("pac")
            caller = await self._gatekeeper.admit(
                certificate_of(scope), pac.encode() if isinstance(pac, str) and pac else None
            )
            newer = Order(body=as_newer(members), request_id=order.request_id, accept_language=order.accept_language)
            return Answer(200, as_older(await self._signer.sell(caller, newer)), JSON)
        except PosFault as fault:
            return _problem(400, fault)
        except LanguageNotOffered:
            return _problem(406, PosFault.single(StatusCode.INVALID_VALUE, "Accept-Language"))
        except Fault as fault:
            answer = answer_fault(fault)
            return answer._replace(body=encode_json({"Message": "Refused", "MessageDetails": fault.code}))


def as_newer(members: dict[str, Any]) -> bytes:
    """The body of the third version for lower-cased members of the second; raises `PosFault` for an Advance."""
    if str(members.get("it")).lower() in _ADVANCE:
        raise PosFault.single(StatusCode.INVALID_VALUE, "invoiceType")
    newer: dict[str, Any] = {name: members[key] for key, name in _REQUEST.items() if key in members}
    items = members.get("items")
    if items is not None:
        newer["items"] = [_item(item) for item in items] if isinstance(items, list) else items
    if members.get("paymenttype") is not None:
        newer["payment"] = [{"amount": _total(newer.get("items")), "paymentType": members["paymenttype"]}]
    return encode_json(newer)


def as_older(answer: bytes) -> bytes:
    """The answer of the second version: the short names, and the others with a capital."""
    members = strict_json.parse(answer, taxcore=True)
    assert isinstance(members, dict), "it is our own answer"
    older = {_ANSWER.get(key, _capital(key)): value for key, value in members.items() if key != "taxGroupRevision"}
    taxes = members.get("taxItems")
    if isinstance(taxes, list):
        older["TaxItems"] = [
            {_capital(key): value for key, value in tax.items()} for tax in taxes if isinstance(tax, dict)
        ]
    return encode_json(older)


def _members(body: bytes) -> dict[str, Any]:
    try:
        value = strict_json.parse(body, taxcore=True)
    except Fault:
        value = None
    if not isinstance(value, dict):
        raise PosFault.single(StatusCode.INVALID_FORMAT)
    return {key.lower(): member for key, member in value.items()}


def _item(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    return {_ITEM[key.lower()]: value for key, value in item.items() if key.lower() in _ITEM}


def _total(items: Any) -> Decimal:
    listed = items if isinstance(items, list) else []
    amounts = [item.get("totalAmount") for item in listed if isinstance(item, dict)]
    return sum((Decimal(str(amount)) for amount in amounts if isinstance(amount, (int, Decimal))), Decimal(0))


def _capital(key: str) -> str:
    return key[:1].upper() + key[1:]


def _problem(status: int, fault: PosFault) -> Answer:
    details = ", ".join(f"{error.property}:{error.code}" for error in fault.errors)
    return Answer(status, encode_json({"Message": "The request is invalid.", "MessageDetails": details}), JSON)
