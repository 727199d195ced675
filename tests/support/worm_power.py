"""A disk for fiscal memories that remembers every operation, and every image that a power cut may leave of it.

Flushed bytes stay. Of the rest nothing, all, one part, any part or a torn piece is there, in any order, and where a
file grew there may be zeros in place of the bytes. A new name is there for sure only after a flush of the folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

import attrs

SECTOR_BYTES = 512
Image = dict[str, bytes]


@attrs.frozen(slots=True)
class Operation:
    """One thing that reached the disk: ``create``, ``write``, ``truncate``, ``flush`` or ``flush_folder``."""

    kind: str
    name: str = ""
    offset: int = 0
    data: bytes = b""


class RecordingDisk:
    """Files in memory. ``deaf`` names kinds of flushes that return without doing anything: the harness must find it."""

    def __init__(self, image: Mapping[str, bytes] | None = None, *, deaf: frozenset[str] = frozenset()) -> None:
        self.born = dict(image or {})
        self.files = {name: bytearray(content) for name, content in self.born.items()}
        self.operations: list[Operation] = []
        self._deaf = deaf

    def names(self) -> list[str]:
        """See `Disk`."""
        return sorted(self.files)

    def size(self, name: str) -> int:
        """See `Disk`."""
        return len(self.files[name])

    def read(self, name: str, offset: int, length: int) -> bytes:
        """See `Disk`."""
        return bytes(self.files[name][offset : offset + length])

    def create(self, name: str) -> None:
        """See `Disk`."""
        assert name not in self.files
        self.files[name] = bytearray()
        self.operations.append(Operation("create", name))

    def write(self, name: str, offset: int, data: bytes) -> None:
        """See `Disk`."""
        _apply(self.files, Operation("write", name, offset, data))
        self.operations.append(Operation("write", name, offset, data))

    def truncate(self, name: str, size: int) -> None:
        """See `Disk`."""
        _apply(self.files, Operation("truncate", name, size))
        self.operations.append(Operation("truncate", name, size))

    def flush(self, name: str) -> None:
        """See `Disk`."""
        if "flush" not in self._deaf:
            self.operations.append(Operation("flush", name))

    def flush_folder(self) -> None:
        """See `Disk`."""
        if "flush_folder" not in self._deaf:
            self.operations.append(Operation("flush_folder"))

    def close(self) -> None:
        """Nothing to let go of."""

    def images(self, cut: int) -> Iterator[Image]:
        """What may be found after a cut before operation number ``cut``, each image once."""
        seen: set[frozenset[tuple[str, bytes]]] = set()
        done = self.operations[:cut]
        pending = [number for number, operation in enumerate(done) if _is_pending(done, number, operation)]
        for chosen in _choices(pending, done, Random(cut)):
            image = self._image(done, pending, chosen)
            mark = frozenset(image.items())
            if mark not in seen:
                seen.add(mark)
                yield image

    def _image(self, done: list[Operation], pending: list[int], chosen: Mapping[int, Operation]) -> Image:
        files = {name: bytearray(content) for name, content in self.born.items()}
        unsure = set(pending)
        for number, operation in enumerate(done):
            if number in unsure and number not in chosen:
                continue
            operation = chosen.get(number, operation)
            if operation.kind == "create":
                files[operation.name] = bytearray()
            elif operation.name in files:
                _apply(files, operation)
        return {name: bytes(content) for name, content in files.items()}


def _is_pending(done: list[Operation], number: int, operation: Operation) -> bool:
    if operation.kind == "create":
        return not any(later.kind == "flush_folder" for later in done[number:])
    if operation.kind in ("write", "truncate"):
        return not any(later.kind == "flush" and later.name == operation.name for later in done[number:])
    return False


def _choices(pending: list[int], done: list[Operation], random: Random) -> Iterator[dict[int, Operation]]:
    """Which of the operations that were not flushed are there, and in which form."""
    whole = {number: done[number] for number in pending}
    yield {}
    yield whole
    names = {number: operation for number, operation in whole.items() if operation.kind == "create"}
    yield names
    yield {number: operation for number, operation in whole.items() if number not in names}
    for number in pending[-4:]:
        yield {**names, number: whole[number]}
        yield {other: operation for other, operation in whole.items() if other != number}
        if done[number].kind == "write":
            for torn in _torn(done[number], random):
                yield {**whole, number: torn}
                yield {**names, number: torn}
    yield {number: _half(operation) for number, operation in whole.items()}
    for _ in range(2):
        yield {number: operation for number, operation in whole.items() if random.random() < 0.5}


def _half(operation: Operation) -> Operation:
    return attrs.evolve(operation, data=operation.data[: len(operation.data) // 2])


def _torn(operation: Operation, random: Random) -> Iterator[Operation]:
    """Beginnings of a write, a sector of it missing, and zeros in its place."""
    data = operation.data
    for length in sorted({1, 3, 4, 12, 21, len(data) // 2, len(data) - 32, len(data) - 1} & set(range(len(data)))):
        yield attrs.evolve(operation, data=data[:length])
    yield attrs.evolve(operation, data=bytes(len(data)))
    start = random.randrange(len(data))
    yield attrs.evolve(operation, data=data[:start] + bytes(min(SECTOR_BYTES, len(data) - start)) + data[start + 512 :])


def _apply(files: dict[str, bytearray], operation: Operation) -> None:
    content = files[operation.name]
    if operation.kind == "truncate":
        del content[operation.offset :]
        content.extend(bytes(operation.offset - len(content)))
        return
    end = operation.offset + len(operation.data)
    content.extend(bytes(max(end - len(content), 0)))
    content[operation.offset : end] = operation.data
