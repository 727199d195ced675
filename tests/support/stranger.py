"""A client of the national channels as a stranger writes it: from docs/guides and with nothing of ours.

It has the standard library, `cryptography`, and a folder of papers as the sandbox makes them (`device.json`, key,
certificate, root). A test holds that it imports nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import ssl
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

UNIT = Decimal("0.0001")
CRIT = ["ts-aud", "ts-dev", "ts-nonce", "ts-prev", "ts-seq", "ts-time"]
COUNTED = ("sales", "refunds", "corrections_up", "corrections_down")
TYPES = {"receipt": 0, "accountable-form": 16, "correction": 32}


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def tagged(tag: str, *fields: bytes) -> bytes:
    """`H` of the guide."""
    name = tag.encode("ascii")
    parts = [bytes([len(name)]) + name, *(len(one).to_bytes(4, "big") + one for one in fields)]
    return hashlib.sha256(b"".join(parts)).digest()


def genesis(uid: str, certificate: bytes, leaf: bytes) -> bytes:
    return tagged("tallystick/v1/device-genesis", f"{uid}-{uid}".encode("ascii"), certificate, leaf)


def next_link(before: bytes, place: int, compact: str) -> bytes:
    body = hashlib.sha256(compact.encode("ascii")).digest()
    return tagged("tallystick/v1/device-link", before, place.to_bytes(8, "big"), body)


def code_values(layout: int, header: Mapping[str, Any], payload: Mapping[str, Any], signing_input: str) -> bytes:
    moment = datetime.fromisoformat(header["ts-time"])
    milliseconds = int(moment.timestamp()) * 1000 + moment.microsecond // 1000
    return struct.pack(
        ">BB6sIQ6s32s",
        layout,
        TYPES[payload["kind"]] + (payload["operation"] == "refund"),
        int(header["ts-dev"], 36).to_bytes(6, "big"),
        int(header["ts-seq"]),
        int(Decimal(payload["total"]) * 10_000),
        milliseconds.to_bytes(6, "big"),
        hashlib.sha256(signing_input.encode("ascii")).digest(),
    )


def operators_code(header: Mapping[str, Any], payload: Mapping[str, Any], signing_input: str, signature: bytes) -> str:
    return b64url(code_values(0x11, header, payload, signing_input) + signature)


def receipt_code(
    header: Mapping[str, Any], payload: Mapping[str, Any], signing_input: str, sign: Callable[[bytes], bytes]
) -> bytes:
    values = code_values(0x12, header, payload, signing_input)
    return values + sign(b"tallystick/v1/receipt-code" + values)


def plain(value: Decimal) -> str:
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def taxes_of(items: Iterable[Mapping[str, Any]], rates: Mapping[str, Any]) -> list[dict[str, str]]:
    """By the two steps of the guide; rounded for each item and label, then added."""
    kinds = {label: (rates["types"][label], Decimal(rate)) for label, rate in rates["labels"].items()}
    sums: dict[str, Decimal] = {}
    for item in items:
        mine = {label: kinds[label] for label in item["labels"]}
        rest = Decimal(item["total"])
        for label, (kind, rate) in mine.items():
            if kind == "amount-per-quantity":
                tax = (rate * Decimal(item["quantity"])).quantize(UNIT, ROUND_HALF_UP)
                sums[label] = sums.get(label, Decimal(0)) + tax
                rest -= tax
        on_total = sum((rate for kind, rate in mine.values() if kind == "tax-on-total"), Decimal(0))
        on_net = sum((rate for kind, rate in mine.values() if kind == "tax-on-net"), Decimal(0))
        for label, (kind, rate) in mine.items():
            if kind == "tax-on-total":
                tax = rest * rate / (100 + on_total)
            elif kind == "tax-on-net":
                tax = rest * 100 * rate / ((100 + on_total) * (100 + on_net))
            else:
                continue
            sums[label] = sums.get(label, Decimal(0)) + tax.quantize(UNIT, ROUND_HALF_UP)
    return [{"label": label, "rate": plain(kinds[label][1]), "amount": plain(sum_)} for label, sum_ in sums.items()]


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + merkle_root(leaves[:split]) + merkle_root(leaves[split:])).digest()


@dataclass
class Said:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Totals:
    """What the shift's report will say."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    sums: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(COUNTED, Decimal(0)))
    taxes: dict[str, Decimal] = field(default_factory=dict)
    payments: dict[str, Decimal] = field(default_factory=dict)
    cash: Decimal = Decimal(0)


class Stranger:
    """One device: its papers, its place, and the shift that is open."""

    def __init__(self, folder: Path) -> None:
        self.facts: dict[str, Any] = json.loads((folder / "device.json").read_text(encoding="utf-8"))
        files = {name: folder / file for name, file in self.facts["files"].items()}
        key = serialization.load_pem_private_key(files["key"].read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self.key = key
        certificate = x509.load_pem_x509_certificate(files["certificate"].read_bytes())
        self.kid = b64url(certificate.fingerprint(hashes.SHA256()))
        self.tls = ssl.create_default_context(cafile=str(files["root"]))
        self.tls.load_cert_chain(files["certificate"], files["key"])
        self.door = urlsplit(self.facts["addresses"]["device"])
        self.connection = http.client.HTTPSConnection(
            self.door.hostname or "", self.door.port, context=self.tls, timeout=30
        )
        self.uid: str = self.facts["uid"]
        self.stands: dict[str, Any] = {}
        self.place, self.link, self.shift, self.first = 0, b"", 0, 0
        self.totals, self.turnover = Totals(), Decimal(0)

    def call(self, method: str, address: str, body: bytes | str | None = None, **headers: str) -> Said:
        """Ask an address of the door; header names with underscores."""
        parts = urlsplit(address)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, told)
        answer = self.connection.getresponse()
        return Said(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())

    def begin(self) -> None:
        """Ask where we stand, and make the genesis ourselves where nothing was signed yet."""
        said = self.call("GET", self.facts["addresses"]["device"])
        assert said.status == 200, said.body
        self.stands = said.json
        self.place, self.link = int(self.stands["next"]["ts-seq"]) - 1, unb64url(self.stands["next"]["ts-prev"])
        self.shift = int(self.stands["shift"]["number"])
        self.turnover = Decimal(self.stands["shift"]["turnover"])
        begun = self.stands["genesis"]
        made = genesis(self.uid, unb64url(begun["certificate"]), unb64url(begun["registration_leaf"]))
        assert b64url(made) == begun["link"]
        if not self.place:
            assert made == self.link

    def sign(self, payload: Mapping[str, Any], typ: str = "tallystick-document+jws", **header: Any) -> str:
        """For the next place; ``header`` changes members, their names with underscores."""
        now = datetime.now(UTC)
        said = {
            "alg": "ES256",
            "typ": typ,
            "kid": self.kid,
            "crit": CRIT,
            "ts-aud": self.facts["audience"],
            "ts-dev": self.uid,
            "ts-seq": str(self.place + 1),
            "ts-prev": b64url(self.link),
            "ts-time": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
            "ts-nonce": b64url(os.urandom(16)),
        }
        said |= {name.replace("_", "-"): value for name, value in header.items()}
        # As libraries set JSON who do not care for bytes: blanks, and letters escaped.
        text = b64url(json.dumps(said).encode()) + "." + b64url(json.dumps(payload).encode())
        return f"{text}.{b64url(self.signature(text.encode('ascii')))}"

    def signature(self, text: bytes) -> bytes:
        r, s = utils.decode_dss_signature(self.key.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def post(self, compact: str, **headers: str) -> Said:
        address = self.facts["addresses"]["documents"]
        return self.call("POST", address, compact, Content_Type="application/jose", **headers)

    def do(self, payload: Mapping[str, Any], **headers: str) -> tuple[Said, str]:
        """Sign, send, and go on once it is booked."""
        compact = self.sign(payload)
        said = self.post(compact, **headers)
        assert said.status == 201, said.body
        self.take(payload, compact)
        assert said.json["device_link"] == b64url(self.link), "both sides make the same link"
        if payload["kind"] == "receipt":
            assert said.json["verification_url"].rpartition("/r/")[2] == self.code(compact, operators=True)
        return said, compact

    def code(self, compact: str, *, operators: bool = False) -> str:
        """What goes on the receipt of a signed sale; or what the operator's answer has."""
        head, _, signature = compact.rpartition(".")
        header, payload = (json.loads(unb64url(part)) for part in head.split("."))
        own = receipt_code(header, payload, head, self.signature)
        return operators_code(header, payload, head, unb64url(signature)) if operators else b64url(own)

    def take(self, payload: Mapping[str, Any], compact: str) -> None:
        """The place is ours: link, shift and sums go on."""
        self.place += 1
        self.link = next_link(self.link, self.place, compact)
        if payload["kind"] == "shift-opening":
            self.first, self.shift = self.place, int(payload["shift"])
            self.totals = Totals(cash=Decimal(payload["cash"]))
        elif payload["kind"] == "receipt":
            self._add(payload)

    def _add(self, payload: Mapping[str, Any]) -> None:
        totals, sign = self.totals, -1 if payload["operation"] == "refund" else 1
        name = "refunds" if sign < 0 else "sales"
        totals.counts[name] += 1
        totals.sums[name] += Decimal(payload["total"])
        for tax in payload["taxes"]:
            totals.taxes[tax["label"]] = totals.taxes.get(tax["label"], Decimal(0)) + sign * Decimal(tax["amount"])
        for paid in payload["payments"]:
            amount = sign * Decimal(paid["amount"])
            totals.payments[paid["kind"]] = totals.payments.get(paid["kind"], Decimal(0)) + amount
            totals.cash += amount if paid["kind"] == "cash" else 0
        self.turnover += sign * Decimal(payload["total"])

    def _common(self, kind: str, **members: Any) -> dict[str, Any]:
        return {"version": "1", "kind": kind, "build": self.facts["build"], "utc_offset": "0", **members}

    def registration(self) -> dict[str, Any]:
        return self._common("registration", maker="Stranger & Sons", model="Käsebrett 3", serial_number="0042")

    def opening(self, cash: str = "100") -> dict[str, Any]:
        return self._common("shift-opening", shift=str(self.shift + 1), cash=cash, cashier="Ana")

    def receipt(
        self, lines: Iterable[tuple[str, str, str, list[str]]], kind: str = "cash", refund_of: str = ""
    ) -> dict[str, Any]:
        """Lines are name, quantity, total and labels."""
        items: list[dict[str, Any]] = [
            {"name": name, "quantity": quantity, "price": total, "total": total, "labels": labels}
            for name, quantity, total, labels in lines
        ]
        total = plain(sum((Decimal(item["total"]) for item in items), Decimal(0)))
        return self._common(
            "receipt",
            shift=str(self.shift),
            operation="refund" if refund_of else "sale",
            currency=self.facts["currency"],
            rate_group=self.stands["rates"]["group"],
            items=items,
            payments=[{"kind": kind, "amount": total}],
            taxes=taxes_of(items, self.stands["rates"]),
            total=total,
            **({"refers_to": refund_of} if refund_of else {}),
        )

    def closing(self) -> dict[str, Any]:
        totals = self.totals
        said: dict[str, Any] = {
            name: {"count": str(totals.counts[name]), "total": plain(totals.sums[name])} for name in COUNTED
        }
        said["taxes"] = {label: plain(amount) for label, amount in totals.taxes.items()}
        said["payments"] = {kind: plain(amount) for kind, amount in totals.payments.items()}
        return self._common(
            "shift-closing",
            shift=str(self.shift),
            first=str(self.first),
            last=str(self.place),
            totals=said,
            cash=plain(totals.cash),
            turnover=plain(self.turnover),
        )

    def offline(self, payloads: Iterable[Mapping[str, Any]]) -> list[str]:
        """Sign without a network, one after the other."""
        made = []
        for payload in payloads:
            made.append(self.sign(payload))
            self.take(payload, made[-1])
        return made

    def bring(self, documents: list[str], first: int) -> Said:
        """A batch in two parts, the second before the first, and its manifest; the last answer."""
        batch, address = b64url(os.urandom(16)), self.facts["addresses"]["batches"]
        said = self.call(
            "POST", address, json.dumps({"batch": batch, "first": str(first)}), Content_Type="application/json"
        )
        assert said.status == 201, said.body
        half = max(1, len(documents) // 2)
        parts = ["".join(f"{one}\n" for one in lines).encode() for lines in (documents[:half], documents[half:])]
        for number in (2, 1):
            part = parts[number - 1]
            said = self.call("PUT", f"{address}/{batch}/parts/{number}", part, Content_Type="application/octet-stream")
            assert said.status == 201, said.body
        hashed = [hashlib.sha256(one.encode()).digest() for one in documents]
        manifest = {
            "batch": batch,
            "first": str(first),
            "last": str(self.place),
            "documents": str(len(documents)),
            "root": b64url(merkle_root(hashed)),
            "parts": [b64url(hashlib.sha256(part).digest()) for part in parts],
            "closing": str(self.place),
        }
        compact = self.sign(manifest, "tallystick-batch+jws")
        return self.call("POST", f"{address}/{batch}/close", compact, Content_Type="application/jose")

    def report_head(self, waiting: int, oldest: str = "") -> Said:
        payload = {"waiting": str(waiting)} | ({"oldest": oldest} if oldest else {})
        compact = self.sign(payload, "tallystick-head+jws")
        return self.call("POST", self.facts["addresses"]["head"], compact, Content_Type="application/jose")

    def close(self) -> None:
        self.connection.close()
