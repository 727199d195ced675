"""A transparency log in memory, made from the RFC's words alone, to show to witnesses and monitors: it can also lie."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import attrs

from tallystick.crypto.keys import PrivateKey, generate_ed25519_key
from tallystick.crypto.signatures import sign_ed25519
from tallystick.kernel.merkle import consistency_path, leaf_hash, node_hash, root_at
from tallystick.wire.signed_note import Checkpoint, KeyType, NoteKey, SignedNote, sign_note, write_note

ORIGIN = "log.example/one"


@attrs.define
class SmallLog:
    """Entries, a key, and what can be said about them."""

    entries: list[bytes]
    private: PrivateKey = attrs.field(factory=generate_ed25519_key)
    origin: str = ORIGIN

    @property
    def key(self) -> NoteKey:
        """The public key."""
        return NoteKey(self.origin, KeyType.LOG, self.private.public.raw)

    def changed(self, index: int, entry: bytes) -> SmallLog:
        """The same log with another entry in one place, under the same key."""
        entries = list(self.entries)
        entries[index] = entry
        return SmallLog(entries, self.private, self.origin)

    def cut(self, size: int) -> SmallLog:
        """The log as it once was."""
        return SmallLog(self.entries[:size], self.private, self.origin)

    def hash_at(self, level: int, index: int) -> bytes:
        """A perfect node, computed from the entries."""
        nodes = [leaf_hash(entry) for entry in self.entries[index << level : (index + 1) << level]]
        assert len(nodes) == 1 << level
        while len(nodes) > 1:
            nodes = [node_hash(nodes[at], nodes[at + 1]) for at in range(0, len(nodes), 2)]
        return nodes[0]

    def root(self, size: int | None = None) -> bytes:
        """The root of the first ``size`` entries, or of all."""
        return root_at(len(self.entries) if size is None else size, self.hash_at)

    def note(self, size: int | None = None, *, root: bytes | None = None, extensions: Sequence[str] = ()) -> bytes:
        """A signed checkpoint."""
        count = len(self.entries) if size is None else size
        text = Checkpoint(self.origin, count, self.root(size) if root is None else root).text
        text += "".join(f"{line}\n" for line in extensions)
        line = sign_note(text, self.key, lambda message: sign_ed25519(self.private, message))
        return write_note(SignedNote(text, (line,)))

    def proof(self, old_size: int, size: int | None = None) -> list[bytes]:
        """The consistency proof between two sizes; nothing from the empty tree."""
        new_size = len(self.entries) if size is None else size
        return consistency_path(old_size, new_size, self.hash_at) if old_size else []

    def request(self, old_size: int, size: int | None = None) -> bytes:
        """The body of ``add-checkpoint``, written here and not by the program under test."""
        proof = "".join(base64.b64encode(node).decode() + "\n" for node in self.proof(old_size, size))
        return f"old {old_size}\n{proof}\n".encode() + self.note(size)


def small_log(count: int) -> SmallLog:
    """A log of some entries."""
    return SmallLog([b"entry %d" % number for number in range(count)])
