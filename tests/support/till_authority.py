"""A small authority for registers on a bench: it checks what it is sent and books it, as the real one does."""

from __future__ import annotations

import attrs

from tallystick.crypto.keys import PrivateKey, generate_p256_key
from tallystick.crypto.signatures import verify_es256
from tallystick.device.ecr.channel import Booked, Looked
from tallystick.device.ecr.needs import NoAnswer, NotSent, Refused
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_genesis, device_link, sha256
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.national_document import DocumentKind
from tallystick.kernel.shifts import RegisterState
from tallystick.wire.batch_receipt import BatchAnswer, BatchProgress, PartHere, read_batch_answer, write_receipt
from tallystick.wire.compact_jws import write_base64url
from tallystick.wire.document_jws import SignedDocument, read_signed
from tallystick.wire.national_document import read_document
from tallystick.wire.offline_batch import (
    HeadReport,
    SignedManifest,
    merkle_root,
    read_head,
    read_manifest,
    read_part,
)

UID = Uid("TILL0001")
GENESIS = device_genesis(f"{UID}-{UID}", bytes(32), bytes(range(32)))
KEY: PrivateKey = generate_p256_key()


@attrs.define
class SmallBatch:
    """A batch at the small authority."""

    batch: bytes
    first: int
    parts: dict[int, bytes] = attrs.field(factory=dict)
    manifest: bytes | None = None
    receipt: bytes | None = None

    def documents(self) -> list[bytes]:
        """All of them, in order."""
        return [one for number in sorted(self.parts) for one in read_part(self.parts[number])]

    def waits(self) -> BatchProgress:
        """Its device is on hold."""
        return attrs.evolve(self.progress(), code="TS-2407", wait_seconds=60)

    def progress(self) -> BatchProgress:
        """How far it is."""
        parts = [PartHere(number=at, sha256=sha256(text), size=len(text)) for at, text in self.parts.items()]
        state = "open" if self.manifest is None else "closed" if self.receipt is None else "done"
        return BatchProgress(batch=self.batch, first=self.first, state=state, parts=tuple(parts))


class Authority:
    """Books documents in their place, as the real one does; a `Channel`. It can be away, or lose its answers."""

    def __init__(self) -> None:
        self.booked: list[SignedDocument] = []
        self.state = RegisterState()
        self.link = GENESIS
        self.away = False
        self.lost_answers = 0
        self.refusals: list[str] = []
        self.links: list[tuple[str, str, str]] = []
        self.batches: dict[bytes, SmallBatch] = {}
        self.heads: list[HeadReport] = []
        self.steps: list[str] = []
        self.cut_at = 0
        self.revoked = False
        self.on_hold = False
        self.keeps_apart = ""
        self.genesis: bytes | None = GENESIS
        self.slow = False
        self.says_head = b""

    def send(self, compact: bytes) -> Booked:
        """Check, book, answer."""
        if self.away:
            raise NotSent("nobody there")
        if self.revoked:
            raise Refused(Fault("TS-1104"))
        booked = self._book(read_signed(compact))
        if self.lost_answers:
            self.lost_answers -= 1
            raise NoAnswer("the answer is lost")
        return booked

    def _book(self, signed: SignedDocument) -> Booked:
        header = signed.header
        for index, one in enumerate(self.booked):
            if one.compact == signed.compact:
                return Booked(sequence=header.sequence, log_index=index)
        if self.refusals:
            raise Refused(Fault(self.refusals.pop()))
        try:
            verify_es256(KEY.public, signed.signing_input, signed.signature)
            if (header.sequence, header.previous) != (len(self.booked) + 1, self.link):
                expected = {
                    "ts-seq": str(len(self.booked) + 1),
                    "ts-prev": write_base64url(self.link).decode("ascii"),
                }
                raise Fault("TS-1402", expected=expected)
            document = read_document(signed.payload)
            self.state = self.state.after(document, header.sequence, header.time)
        except Fault as fault:
            raise Refused(fault) from fault
        self.link = device_link(header.previous, header.sequence, signed.body_hash)
        self.booked.append(signed)
        return Booked(sequence=header.sequence, log_index=len(self.booked) - 1)

    def look(self) -> Looked:
        """A head."""
        self._met("look")
        if self.revoked:
            raise Refused(Fault("TS-1104"))
        return Looked(checkpoint=b"small.example/log\n1\n\n", genesis=self.genesis)

    # The door for batches, by the same rules as the real one

    def announce(self, batch: bytes, first: int) -> BatchProgress:
        """A new one, or as it stands."""
        self._met("announce")
        found = self.batches.setdefault(batch, SmallBatch(batch, first))
        assert found.first == first, "one id, one batch"
        return found.progress()

    def put_part(self, batch: bytes, number: int, text: bytes) -> PartHere:
        """Never other bytes under one number; each document of the form."""
        found, digest = self._batch(batch), sha256(text)
        self._met("before part")
        for compact in read_part(text):
            read_signed(compact)
        if digest != sha256(found.parts.setdefault(number, text)):
            raise Refused(Fault("TS-2410"))
        self._met("part")
        return PartHere(number=number, sha256=digest, size=len(text))

    def close_batch(self, batch: bytes, manifest: bytes) -> BatchAnswer:
        """The manifest agrees with the parts and ends with a report; then it is booked."""
        found, signed = self._batch(batch), read_manifest(manifest)
        self._met("before close")
        if found.manifest is not None and found.manifest != manifest:
            raise Refused(Fault("TS-3283"))
        if found.receipt is None:
            self._check(found, signed)
            found.manifest = manifest
            if not self.on_hold:
                found.receipt = self._receipt(found, signed)
        self._met("close")
        if found.receipt is None:
            return found.waits()
        return found.progress() if self.slow else self.find_batch(batch)

    def find_batch(self, batch: bytes) -> BatchAnswer:
        """Its receipt where there is one."""
        self._met("find")
        found = self._batch(batch)
        if found.receipt is None and found.manifest is not None:
            if self.on_hold:
                return found.waits()
            found.receipt = self._receipt(found, read_manifest(found.manifest))
        return found.progress() if found.receipt is None else read_batch_answer(found.receipt)

    def withdraw(self, batch: bytes) -> None:
        """Forget it."""
        self._met("withdraw")
        self.batches.pop(batch, None)

    def report_head(self, report: bytes) -> None:
        """A head never goes back."""
        self._met("head")
        head = read_head(report)
        verify_es256(KEY.public, head.signed.signing_input, head.signed.signature)
        if self.heads and head.sequence < self.heads[-1].sequence:
            raise Refused(Fault("TS-3285"))
        self.heads.append(head)

    def _met(self, step: str) -> None:
        if self.away:
            raise NotSent("nobody there")
        self.steps.append(step)
        if self.cut_at == len(self.steps):
            raise NoAnswer(f"cut at {step}")

    def _batch(self, batch: bytes) -> SmallBatch:
        if batch not in self.batches:
            raise Refused(Fault("TS-3282"))
        return self.batches[batch]

    def _check(self, found: SmallBatch, signed: SignedManifest) -> None:
        manifest = signed.manifest
        verify_es256(KEY.public, signed.signed.signing_input, signed.signed.signature)
        documents = [read_signed(one) for one in found.documents()]
        assert manifest.parts == tuple([sha256(found.parts[number]) for number in sorted(found.parts)])
        assert manifest.root == merkle_root(one.body_hash for one in documents)
        assert (manifest.first, manifest.last) == (found.first, documents[-1].header.sequence)
        kind = read_document(documents[-1].payload).kind
        assert kind in (DocumentKind.SHIFT_CLOSING, DocumentKind.STATUS) or kind.is_register_report
        if found.first > len(self.booked) + 1 and not self.revoked:
            expected = {"ts-seq": str(len(self.booked) + 1), "ts-prev": write_base64url(self.link).decode("ascii")}
            raise Refused(Fault("TS-1402", expected=expected))

    def _receipt(self, found: SmallBatch, signed: SignedManifest) -> bytes:
        documents = [read_signed(one) for one in found.documents()]
        code = "TS-2403" if self.revoked else self.keeps_apart
        indexes = [] if code else [self._book(one).log_index for one in documents]
        counts = dict.fromkeys(("booked", "flagged", "apart", "refused", "doubled"), 0)
        counts["apart" if code else "booked"] = len(documents)
        return write_receipt(
            batch=found.batch,
            first=found.first,
            last=signed.manifest.last,
            head=self.says_head or signed.head,
            indexes=(min(indexes), max(indexes)) if indexes else None,
            counts=counts,
            codes={code: len(documents)} if code else {},
        )

    def send_link(self, number: str, by: str, to: str) -> None:
        """Note it."""
        self.links.append((number, by, to))
