"""A disk for fiscal memories that remembers every operation, and every image that a power cut may leave of it.

Flushed bytes stay. Of the rest nothing, all, one part, any part or a torn piece is there, in any order, and where a
file grew there may be zeros in place of the bytes. A new name is there for sure only after a flush of the folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random

import attrs

Image = dict[str, bytes]


@attrs.frozen(slots=True)
class Operation:
    """One thing that reached the disk: ``create``, ``write``, ``truncate``, ``flush`` or ``flush_folder``."""

    kind: str
    name: str = ""
    offset: int = 0
    data: bytes = b""


Pieces = tuple[Operation, ...]


class RecordingDisk:
    """Files in memory. ``deaf`` names flushes that do nothing, of all files or of one: the harness must find it."""

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
        if not {"flush", f"flush {name}"} & self._deaf:
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
        base = {name: bytearray(content) for name, content in self.born.items()}
        unsure = [number for number in pending if done[number].kind != "create"]
        _run(base, (operation for number, operation in enumerate(done) if number not in unsure))
        for chosen in _choices(pending, done, Random(cut)):
            lost = {done[number].name for number in pending if number not in unsure and number not in chosen}
            files = {name: bytearray(content) for name, content in base.items() if name not in lost}
            _run(files, (piece for number in unsure for piece in chosen.get(number, ())))
            image = {name: bytes(content) for name, content in files.items()}
            mark = frozenset(image.items())
            if mark not in seen:
                seen.add(mark)
                yield image


def _run(files: dict[str, bytearray], operations: Iterable[Operation]) -> None:
    """Carry out what reached the disk. What is flushed of a file whose name is lost is lost with it."""
    for operation in operations:
        if operation.kind == "create":
            files[operation.name] = bytearray()
        elif operation.name in files:
            _apply(files, operation)


def _is_pending(done: list[Operation], number: int, operation: Operation) -> bool:
    if operation.kind == "create":
        return not any(later.kind == "flush_folder" for later in done[number:])
    if operation.kind in ("write", "truncate"):
        return not any(later.kind == "flush" and later.name == operation.name for later in done[number:])
    return False


def _choices(pending: list[int], done: list[Operation], random: Random) -> Iterator[dict[int, Pieces]]:
    """Which of the operations that were not flushed are there, and what of them."""
    whole: dict[int, Pieces] = {number: (done[number],) for number in pending}
    yield {}
    yield whole
    names = {number: whole[number] for number in pending if done[number].kind == "create"}
    yield names
    yield {number: pieces for number, pieces in whole.items() if number not in names}
    for number in pending[-4:]:
        yield {**names, number: whole[number]}
        yield {other: pieces for other, pieces in whole.items() if other != number}
        if done[number].kind == "write":
            for torn in _torn(done[number], random):
                yield {**whole, number: torn}
                yield {**names, number: torn}
    yield {number: _part(done[number], 0, len(done[number].data) // 2) for number in pending}
    for _ in range(2):
        yield {number: pieces for number, pieces in whole.items() if random.random() < 0.5}


def _torn(operation: Operation, random: Random) -> Iterator[Pieces]:
    """Beginnings of a write, its end alone, a hole in its middle, and nothing but the length that it gave the file."""
    size = len(operation.data)
    for length in sorted({1, 3, 4, 12, 21, size // 2, size - 32, size - 1} & set(range(size))):
        yield _part(operation, 0, length)
        yield _part(operation, length, size)
    start, stop = sorted(random.randrange(size) for _ in range(2))
    yield (*_part(operation, 0, start), *_part(operation, stop, size))
    yield (Operation("extend", operation.name, operation.offset + size),)


def _part(operation: Operation, start: int, stop: int) -> Pieces:
    if operation.kind != "write":
        return (operation,)
    return (attrs.evolve(operation, offset=operation.offset + start, data=operation.data[start:stop]),)


def _apply(files: dict[str, bytearray], operation: Operation) -> None:
    content = files[operation.name]
    if operation.kind == "write":
        end = operation.offset + len(operation.data)
        content.extend(bytes(max(end - len(content), 0)))
        content[operation.offset : end] = operation.data
        return
    if operation.kind == "truncate":
        del content[operation.offset :]
    content.extend(bytes(max(operation.offset - len(content), 0)))
