"""A register's batches: what is decided, signed and stored here, before and after the authority is spoken to (S0-062).

One batch is on its way at a time. Its id follows from its first document, so that the same batch never gets two, not
even when the store was lost. A part is cut where it is full, at any time; the rest is cut at the report that closes the
batch (K-24). Whatever the authority says is compared with our own chain: what does not fit is never followed.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Protocol

from tallystick.device.ecr.batch_store import Batch, BatchStore, Part
from tallystick.device.ecr.needs import Disagrees, Random, Sign
from tallystick.device.ecr.setup import RegisterSetup
from tallystick.device.ecr.store import Store
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.merkle import Frontier, leaf_hash
from tallystick.wire.batch_receipt import BatchProgress, BatchReceipt, PartHere, read_batch_answer
from tallystick.wire.document_jws import DocumentHeader, read_signed
from tallystick.wire.offline_batch import (
    BATCH_BYTES_MAX,
    BATCH_ID_BYTES,
    DOCUMENTS_MAX,
    PART_BYTES_MAX,
    Manifest,
    write_head,
    write_manifest,
)

SEAL_AFTER_DOCUMENTS = DOCUMENTS_MAX // 2
SEAL_AFTER_BYTES = BATCH_BYTES_MAX // 2
"""So much without a report, and an interim seal is made: no batch could take twice of it."""
REPORT_EVERY = timedelta(minutes=5)
"""So soon after the last report a batch gets another one of its own: after an outage in the middle of a shift nobody's
receipt waits for the end of the shift, and a network that comes and goes makes twelve reports an hour at most."""
_NAME = b"tallystick/v1/batch\n"


class Memory(Protocol):
    """What is asked of write-once memory."""

    def before_sending(self, sequence: int, now: datetime) -> None:
        """Seal what no seal covers."""

    def after_sending(self, record: int, log_index: int, checkpoint: bytes, now: datetime) -> None:
        """Write down, once, that records up to this one are booked."""

    def newest_seal(self) -> bytes:
        """The newest seal as it stands there."""


class Batches:
    """Of one register; the background alone uses it."""

    def __init__(
        self, store: Store, sign: Sign, memory: Memory | None, *, random: Random = os.urandom,
        part_bytes: int = PART_BYTES_MAX,
    ) -> None:  # fmt: skip
        self._store = store
        self._batches = BatchStore(store)
        self._sign = sign
        self._memory = memory
        self._random = random
        self.part_bytes = part_bytes
        self.awaits_release = False
        """Whether the authority has the whole batch and books it once it takes us off hold; a restart asks anew."""
        self._looked_at = 0

    def on_its_way(self) -> Batch | None:
        """The batch that has not come to its end."""
        return self._batches.on_its_way()

    def begin(self, first: int) -> Batch:
        """Begin with the oldest document that waits; stored when it returns."""
        before = self._link(first - 1)
        name = sha256(_NAME + f"{self._store.uid}\n{first}\n".encode("ascii") + before)[:BATCH_ID_BYTES]
        self._batches.begin(name, first)
        found = self._batches.on_its_way()
        assert found is not None
        return found

    def agree(self, batch: Batch, said: BatchProgress) -> Batch:
        """Compare the parts that are there with ours; one that we forgot is found again among our own documents.

        Raises `Disagrees` for one that our documents do not make.
        """
        if (said.batch, said.first) != (batch.batch_id, batch.first):
            raise Disagrees("the authority answered about another batch")
        there = {one.number: one for one in said.parts}
        for part in batch.parts:
            here = there.pop(part.number, None)
            if here is not None and here.sha256 != part.sha256:
                raise Disagrees(f"part {part.number} lies at the authority with other bytes")
            if (here is not None) != part.is_there:
                self._batches.set_there(batch.batch_id, part.number, here is not None)
        for number in sorted(there):
            batch = self._current()
            if number != len(batch.parts) + 1:
                raise Disagrees(f"the authority has a part {number} that we never cut")
            self._batches.add_part(batch.batch_id, self._found_again(batch, there[number]))
        return self._current()

    def cut(self, batch: Batch, up_to: int) -> Batch | None:
        """Cut the next part; none where there is nothing to cut yet. Only documents up to that number are looked at."""
        target = self.target(batch, up_to)
        last = min(up_to, batch.first + DOCUMENTS_MAX - 1) if target is None else target
        size, end = 0, batch.next_first - 1
        digest: list[bytes] = []
        is_full = False
        for sequence, compact in self._batches.documents(batch.next_first, last):
            if size and size + len(compact) + 1 > self.part_bytes:
                is_full = True
                break
            digest.append(compact + b"\n")
            size, end = size + len(compact) + 1, sequence
        if not digest or not (is_full or target is not None):
            return None
        part = Part(number=len(batch.parts) + 1, first=batch.next_first, last=end, sha256=sha256(b"".join(digest)))
        self._batches.add_part(batch.batch_id, part)
        return self._current()

    def is_worth_cutting(self, batch: Batch) -> bool:
        """Whether a part is full, or the closing report is there, behind what was cut; nothing is sealed for less."""
        up_to = self._store.standing().sequence
        target = self.target(batch, up_to)
        if target is not None:
            return target >= batch.next_first
        return self._batches.bytes_of(batch.next_first, up_to) > self.part_bytes

    def target(self, batch: Batch, up_to: int) -> int | None:
        """The report that closes the batch: the last one up to that number that its bounds allow."""
        last = min(up_to, batch.first + DOCUMENTS_MAX - 1)
        for sequence in self._batches.reports(max(batch.first, batch.next_first - 1), last):
            if self._batches.bytes_of(batch.first, sequence) <= BATCH_BYTES_MAX:
                return sequence
        return None

    def text(self, part: Part) -> bytes:
        """The text of a part; raises `Disagrees` where our documents do not make it any more."""
        text = b"".join([compact + b"\n" for _, compact in self._batches.documents(part.first, part.last)])
        if sha256(text) != part.sha256:
            raise Disagrees(f"part {part.number} cannot be made again")
        return text

    def part_is_there(self, batch: Batch, part: Part, said: PartHere) -> None:
        """The authority has it; raises `Disagrees` where it says that it has something else."""
        if (said.number, said.sha256) != (part.number, part.sha256):
            raise Disagrees(f"the authority answered for another part than {part.number}")
        self._batches.set_there(batch.batch_id, part.number, True)

    def seal(self, batch: Batch, setup: RegisterSetup, now: datetime) -> Batch:
        """Sign over the whole batch, once; the manifest is durable when it returns."""
        last = batch.parts[-1].last
        tree = Frontier()
        for digest in self._batches.hashes(batch.first, last):
            tree.append(leaf_hash(digest))
        manifest = Manifest(
            batch=batch.batch_id,
            first=batch.first,
            last=last,
            documents=last - batch.first + 1,
            root=tree.root(),
            parts=tuple([part.sha256 for part in batch.parts]),
            closing=last,
            memory=self._newest_seal(),
        )
        header = self._header(setup, last + 1, self._link(last), now)
        self._batches.seal(batch.batch_id, last, write_manifest(header, manifest, self._sign))
        return self._current()

    def receive(self, batch: Batch, receipt: BatchReceipt) -> Batch:
        """Keep the receipt, if it is one of our batch and of our chain; raises `Disagrees`."""
        count = receipt.last - receipt.first + 1
        judged = receipt.booked + receipt.apart + receipt.refused + receipt.doubled
        place = self._batches.place_of(receipt.last)
        if (receipt.batch, receipt.first) != (batch.batch_id, batch.first) or batch.last not in (None, receipt.last):
            raise Disagrees("the authority's receipt is that of another batch")
        if place is None or place[0] != receipt.head:
            raise Disagrees(f"the authority's receipt names another document {receipt.last} than ours")
        if judged != count or (receipt.last_index is None) != (receipt.booked == 0):
            raise Disagrees(f"the authority's receipt counts {judged} documents of {count}")
        self._batches.receive(batch.batch_id, receipt.last, receipt.body)
        return self._current()

    def finish(self, batch: Batch, checkpoint: bytes, now: datetime) -> BatchReceipt:
        """Anchor the receipt in the memory, then let its documents wait no more."""
        assert batch.receipt is not None
        receipt = read_batch_answer(batch.receipt)
        assert isinstance(receipt, BatchReceipt)
        place = self._batches.place_of(receipt.last)
        assert place is not None
        index = receipt.last_index if receipt.is_whole else None
        if index is not None and checkpoint and self._memory is not None:
            self._memory.after_sending(place[1], index, checkpoint, now)
        self._batches.end(batch, receipt.last, index, unix_ms(now))
        return receipt

    def check_place(self, batch: Batch, sequence: int, previous: bytes) -> None:
        """The authority lacks what is before the batch; raises `Disagrees` where the place it names is none of ours."""
        if not 1 <= sequence < batch.first or self._link(sequence - 1) != previous:
            raise Disagrees(f"the authority expects number {sequence} in another place of our sequence")

    def go_back(self, batch: Batch, sequence: int) -> None:
        """Give the batch up: what the authority lacks waits again, and the next batch begins there."""
        self._batches.drop(batch.batch_id, sequence)

    def newest_receipt(self) -> BatchReceipt | None:
        """The receipt of the newest batch."""
        body = self._batches.newest_receipt()
        found = None if body is None else read_batch_answer(body)
        return found if isinstance(found, BatchReceipt) else None

    def overflows(self, first: int) -> bool:
        """Whether so much stands behind the last report that only a seal lets it into a batch."""
        standing = self._store.standing()
        if standing.sequence == self._looked_at:
            return False
        begins = max(first, next(iter(self._batches.reports(1, standing.sequence)), 0) + 1)
        if standing.sequence - begins + 1 >= SEAL_AFTER_DOCUMENTS:
            return True
        if self._batches.bytes_of(begins, standing.sequence) >= SEAL_AFTER_BYTES:
            return True
        self._looked_at = standing.sequence
        return False

    def may_report(self, now: datetime) -> bool:
        """Whether the last report is so old that a batch need not wait for the one of the shift's end."""
        return unix_ms(now) - self._batches.newest_report_ms() >= REPORT_EVERY // timedelta(milliseconds=1)

    def head_report(self, setup: RegisterSetup, now: datetime) -> bytes | None:
        """Where we stand, signed; none before the first document."""
        standing = self._store.standing()
        if not standing.sequence or standing.link is None:
            return None
        waiting, oldest = self._store.waiting_count()
        header = self._header(setup, standing.sequence + 1, standing.link, now)
        return write_head(header, self._sign, waiting, oldest, self._newest_seal())

    def _current(self) -> Batch:
        found = self._batches.on_its_way()
        assert found is not None
        return found

    def _found_again(self, batch: Batch, here: PartHere) -> Part:
        size, texts, last = 0, [], batch.next_first - 1
        for sequence, compact in self._batches.documents(batch.next_first, self._store.standing().sequence):
            if size >= here.size:
                break
            texts.append(compact + b"\n")
            size, last = size + len(compact) + 1, sequence
        if not texts or sha256(b"".join(texts)) != here.sha256:
            raise Disagrees(f"part {here.number} at the authority is not made of our documents")
        return Part(number=here.number, first=batch.next_first, last=last, sha256=here.sha256, is_there=True)

    def _link(self, sequence: int) -> bytes:
        """Our link after a document; before the first it is what that one names."""
        if sequence:
            place = self._batches.place_of(sequence)
            return b"" if place is None else place[0]
        first = next(iter(self._batches.documents(1, 1)), None)
        return b"" if first is None else read_signed(first[1]).header.previous

    def _newest_seal(self) -> bytes:
        return b"" if self._memory is None else self._memory.newest_seal()

    def _header(self, setup: RegisterSetup, sequence: int, previous: bytes, now: datetime) -> DocumentHeader:
        return DocumentHeader(
            kid=setup.certificate_hash,
            audience=setup.audience,
            device=setup.uid,
            sequence=sequence,
            previous=previous,
            nonce=self._random(16),
            time_ms=unix_ms(now),
        )
