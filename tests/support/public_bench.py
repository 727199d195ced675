"""The public listener over a ledger in memory: cards sign for real, and the application is asked without a network."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Mapping
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import attrs

from benchmarks.package_maker import NOW, Card, sale
from tallystick.authority.ledger.entry import Channel, EntryKind
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.projections.verification.api import build_app
from tallystick.authority.projections.verification.claims import Claim, Claims
from tallystick.authority.projections.verification.ledger_view import LedgerView, Proof
from tallystick.authority.projections.verification.page_tokens import PageTokens
from tallystick.authority.projections.verification.services import PublicServices
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.crypto.keys import PrivateKey, generate_rsa_key
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult
from tallystick.kernel.merkle import leaf_hash
from tallystick.wire.audit_data import write_audit_data
from tallystick.wire.card import signed_text
from tallystick.wire.leaf import Leaf, write_leaf
from tallystick.wire.tiles import Tile
from tallystick.wire.verification_url import from_url

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PROGRAM = "application/json"
CHECKPOINT = "fdo.example/test/public\n8\nAAAA\n\n— fdo.example/test/public BBBB\n"


@cache
def rsa_keys() -> tuple[PrivateKey, PrivateKey]:
    """Two keys that all tests share."""
    return generate_rsa_key(), generate_rsa_key()


@attrs.frozen
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> bytes:
        """The content, inflated."""
        return gzip.decompress(self.raw) if self.headers.get("content-encoding") == "gzip" else self.raw

    @property
    def text(self) -> str:
        """The content as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The content as JSON."""
        return json.loads(self.body)

    @property
    def ids(self) -> dict[str, str]:
        """Text of every element that has an id."""
        return IdReader.read(self.text)


class IdReader(HTMLParser):
    """Reads a page as scrapers do: the text of elements by their id; void elements hold none."""

    VOID = frozenset({"meta", "link", "img"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str | None] = []
        self.found: dict[str, str] = {}

    @classmethod
    def read(cls, page: str) -> dict[str, str]:
        """The texts by id; an element that is never closed is a broken page."""
        reader = cls()
        reader.feed(page)
        reader.close()
        assert not reader._open, f"never closed: {reader._open}"
        return reader.found

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in self.VOID:
            return
        identity = dict(attributes).get("id")
        self._open.append(identity)
        if identity:
            assert identity not in self.found, f"the id {identity} stands twice"
            self.found[identity] = ""

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for identity in self._open:
            if identity:
                self.found[identity] += data


class MemoryLedger(LedgerView):
    """What the ledger tells the public, without a database."""

    def __init__(self, folder: Path) -> None:
        super().__init__(self._no_database, folder)
        self.documents: dict[SdcInvoiceNumber, LedgerDocument] = {}
        self.claimed: dict[SdcInvoiceNumber, list[Claim]] = {}
        self.away: Exception | None = None

    @staticmethod
    def _no_database() -> Any:
        raise AssertionError("this ledger has no database")

    def document(self, number: SdcInvoiceNumber) -> LedgerDocument | None:
        """By number, behind the gate or not."""
        if self.away is not None:
            raise self.away
        return self.documents.get(number)

    def claims(self, number: SdcInvoiceNumber) -> Claims:
        """What was put there."""
        return Claims.of(self.claimed.get(number, []))

    def with_cosignatures(self, note: bytes) -> bytes:
        """Nobody watches here."""
        return note

    def tile_from_tables(self, tile: Tile) -> bytes | None:
        """There are none."""
        return None

    def newest_checkpoint(self) -> str:
        """The same for every question."""
        return CHECKPOINT

    def proof(self, document: LedgerDocument) -> Proof | None:
        """A path that leads nowhere: its numbers are all that is looked at here."""
        path = tuple(sha256(bytes([level])) for level in range(3))
        hashed = leaf_hash(document.leaf)
        return Proof(index=document.index, size=8, leaf_hash=hashed, path=path, checkpoint=CHECKPOINT)


@attrs.define
class PublicBench:
    """A listener, two registered cards, and a ledger to put documents into."""

    ledger: MemoryLedger
    elements: dict[str, SecureElementEntry] = attrs.field(factory=dict)
    now: Any = NOW
    language: str = "en-US"
    secure: bool = False
    card: Card = attrs.field(init=False)
    other: Card = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        first, second = rsa_keys()
        self.card = Card("ABCD1234", "123456789", first, second.public)
        self.other = Card("WXYZ9876", "987654321", second, first.public)
        for card in (self.card, self.other):
            self.elements[card.uid] = card.entry()
        self.services = PublicServices(
            find_element=self.elements.get,
            ledger=self.ledger,
            page_tokens=PageTokens(b"secret of a test"),
            zone=ZoneInfo("Europe/Belgrade"),
            default_language=PAGE_LANGUAGES[self.language],
            clock=lambda: self.now,
            operator="fdo.example",
            secure_cookies=self.secure,
        )
        self.app = build_app(self.services)

    services: PublicServices = attrs.field(init=False)
    app: Any = attrs.field(init=False)

    def sell(self, request: InvoiceRequest | None = None, **more: Any) -> InvoiceResult:
        """A signed invoice that nobody has sent in yet."""
        return self.card.invoice(request or sale(**more))[1]

    def book(
        self, request: InvoiceRequest | None = None, *, acked: bool = True, flags: int = 0, **changes: Any
    ) -> InvoiceResult:
        """A signed invoice that the ledger holds; ``changes`` are made to the result before it is stored."""
        request, result = self.card.invoice(request or sale())
        self.put(request, attrs.evolve(result, **changes), acked=acked, flags=flags)
        return result

    def put(self, request: InvoiceRequest, result: InvoiceResult, *, acked: bool = True, flags: int = 0) -> None:
        """Store what a device sent."""
        body = write_audit_data(request, result)
        index = len(self.ledger.documents) + 1
        leaf = Leaf(
            kind=EntryKind.DOCUMENT, channel=Channel.ESDC, flags=flags, received_ms=0, record_commitment=bytes(32)
        )
        self.ledger.documents[result.number] = LedgerDocument(
            index=index,
            verdict=4,
            act_hash=sha256(text_of(result.verification_url, self.card.tin)),
            body_hash=sha256(body),
            media_type="application/json",
            body=body,
            salt=b"",
            record=b"",
            leaf=write_leaf(leaf),
            acked=acked,
        )

    def verify(self, url: str, accept: str = PROGRAM, **headers: str) -> Reply:
        """Open a verification URL."""
        return self.get("/v/?" + url.partition("?")[2], accept, **headers)

    def get(self, target: str, accept: str = "", method: str = "GET", **headers: str) -> Reply:
        """Ask for a path; ``headers`` are written with underscores."""
        path, _, query = target.partition("?")
        return asyncio.run(self._ask(method, path, query, {"accept": accept} | headers, b""))

    def post(self, path: str, body: bytes | Mapping[str, str], accept: str = "", **headers: str) -> Reply:
        """Send a form or any bytes."""
        content = body if isinstance(body, bytes) else urlencode(body).encode()
        return asyncio.run(self._ask("POST", path, "", {"accept": accept} | headers, content))

    async def _ask(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [
                (name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items() if value
            ],
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        fields = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        assert len(fields) == len(sent[0]["headers"]), "a header stands twice"
        return Reply(sent[0]["status"], fields, b"".join(message.get("body", b"") for message in sent[1:]))


def text_of(url: str, tin: str) -> bytes:
    """The bytes under the signature of a URL."""
    data = from_url(url)
    return signed_text(
        data.time_ms,
        tin,
        data.buyer_id,
        data.invoice_type,
        data.transaction_type,
        data.amount,
        data.type_counter,
        data.total_counter,
        data.encrypted_internal_data,
    )
