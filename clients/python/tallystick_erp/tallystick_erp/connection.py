"""One connection of an ERP: sign, keep, send; after any loss the same bytes again, and never two acts for one key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from tallystick_erp.documents import Payload
from tallystick_erp.faults import Away, ErpError, KeyTaken, Lost, Refused
from tallystick_erp.shift import Shift
from tallystick_erp.signing import Signer, device_link, read_base64url
from tallystick_erp.store import Booked, Kept, Place, Store
from tallystick_erp.transport import Transport, is_later, wait_of

BULK_MOST = 1_000
BULK_BYTES_MOST = 8 * 1024 * 1024
Clock = Callable[[], datetime]


class Connection:
    """For one thread at a time. ``build`` is the id of the ERP's certified build; ``file`` is the SQLite store."""

    def __init__(
        self,
        url: str,
        key_file: str | Path,
        certificate_file: str | Path,
        roots: str | Path,
        file: str | Path,
        *,
        build: str,
        utc_offset_minutes: int = 0,
        timeout_seconds: float = 30,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._signer = Signer(key_file, certificate_file)
        self._transport = Transport(url, key_file, certificate_file, roots, timeout_seconds)
        self._common = {"version": "1", "build": build, "utc_offset": str(utc_offset_minutes)}
        self._clock = clock
        self._store = Store(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of store and connection; nothing is lost by not calling it."""
        self._transport.close()
        self._store.close()

    def device(self) -> Mapping[str, Any]:
        """What the operator says of the connection: rates in force, open shift, next place."""
        return self._read("GET", "/ecr/v1/device")

    def begin(self) -> None:
        """Call at every start: takes over the place of the first document, and settles what a crash left open.

        Raises `Lost` where the operator has documents that this store does not know of.
        """
        said = self.device()
        following = said.get("next")
        if following is None:
            raise Away("the operator has not entered the connection into the ledger yet", 5)
        place = self._store.place()
        if place is None:
            if following["ts-seq"] != "1":
                raise Lost(f"the operator expects document {following['ts-seq']}, and this store knows of none")
            link = read_base64url(following["ts-prev"])
            self._store.begin(Place(said["uid"], said["audience"], 0, link, Shift()))
            return
        self.settle()
        place = self._place()
        if int(following["ts-seq"]) - 1 > place.sequence:
            raise Lost(f"the operator has {int(following['ts-seq']) - 1} documents, this store knows {place.sequence}")

    def submit(self, payload: Payload, key: str) -> Booked:
        """Register a document; ``key`` names the act in the ERP. The same key again gives the first answer.

        Raises `Refused` (nothing is booked; another document may have the key), `Away` (call again with the same
        arguments) and `KeyTaken`.
        """
        self.settle()
        known = self._known(key, payload)
        if known is not None:
            return known
        [kept] = self._sign([(payload, key)])
        return self._send(kept)

    def submit_bulk(self, documents: Iterable[tuple[Payload, str]]) -> list[Booked]:
        """Register many, in order, each with its key; gives the answers to those that were booked.

        Raises `Refused` for the first one that is refused: none behind it is booked, those before it are. Raises
        `KeyTaken` for a key that comes twice, and nothing is signed then.
        """
        self.settle()
        answers: list[Booked] = []
        fresh: list[tuple[Payload, str]] = []
        keys: set[str] = set()
        for payload, key in documents:
            if key in keys:
                raise KeyTaken(f"{key} names two documents of this bulk")
            keys.add(key)
            known = self._known(key, payload)
            if known is None:
                fresh.append((payload, key))
            else:
                answers.append(known)
        for first in range(0, len(fresh), BULK_MOST):
            for part in _parts(self._sign(fresh[first : first + BULK_MOST])):
                answers += self._send_all(part)
        return answers

    def settle(self) -> None:
        """Learn what became of documents of which it is not known; raises `Away`.

        What is refused now was never booked, and its key is free again.
        """
        waiting = self._store.waiting()
        try:
            for part in _parts(waiting):
                self._send_all(part)
        except Refused:
            return

    def read_feed(self, handle: Callable[[Mapping[str, Any]], None], most_pages: int = 1_000) -> int:
        """Hand over each event once, in order; how many there were.

        An event counts as handled when ``handle`` returns; a crash between the two hands it over once more, with the
        same ``id``.
        """
        count = 0
        for _ in range(most_pages):
            cursor, handled = self._store.read_to()
            page = self._read("GET", f"/erp/v1/feed?after={cursor}" if cursor else "/erp/v1/feed")
            events = page["events"]
            if not events:
                break
            names = [event["id"] for event in events]
            for event in events[names.index(handled) + 1 if handled in names else 0 :]:
                handle(event)
                self._store.handled(event["id"])
                count += 1
            self._store.page_done(page["next"])
        return count

    def add_webhook(self, url: str, *, after: str = "") -> Mapping[str, Any]:
        """Have events told to an address; the ``secret`` in the answer is shown this once."""
        body = json.dumps({"url": url} | ({"after": after} if after else {})).encode()
        _, said = self._transport.call("POST", "/erp/v1/webhooks", body, {"Content-Type": "application/json"})
        return _object(said)

    def webhooks(self) -> list[Mapping[str, Any]]:
        """Those of the connection, with how they stand."""
        return list(self._read("GET", "/erp/v1/webhooks")["webhooks"])

    def resume_webhook(self, identity: str) -> Mapping[str, Any]:
        """Try at once what is waiting, and go on."""
        return self._read("POST", f"/erp/v1/webhooks/{identity}/resume")

    def remove_webhook(self, identity: str) -> None:
        """Tell it nothing any more."""
        self._transport.call("DELETE", f"/erp/v1/webhooks/{identity}")

    def _known(self, key: str, payload: Payload) -> Booked | None:
        kept = self._store.of_key(key)
        if kept is None:
            return None
        if any(kept.payload.get(name) != value for name, value in payload.items()):
            raise KeyTaken(f"{key} names {kept.answer.get('number', 'another document')}")
        return Booked.of(kept.answer)

    def _sign(self, documents: list[tuple[Payload, str]]) -> list[Kept]:
        """Sign documents for the next places, and keep them; nothing is sent yet."""
        if self._store.waiting():
            raise ErpError("a document before it is not settled")
        place, made = self._place(), []
        sequence, link, shift = place.sequence, place.link, place.shift
        for payload, key in documents:
            sequence += 1
            said = shift.complete(self._common | payload, sequence)
            compact = self._signer.sign(
                said, audience=place.audience, device=place.device, sequence=sequence, previous=link, at=self._clock()
            )  # fmt: skip
            link, shift = device_link(link, sequence, compact), shift.after(said, sequence)
            made.append((key, sequence, said, compact))
        self._store.keep(made)
        return self._store.waiting()

    def _send(self, kept: Kept) -> Booked:
        headers = {"Content-Type": "application/jose", "Idempotency-Key": kept.key}
        try:
            _, body = self._transport.call("POST", "/erp/v1/documents", kept.compact, headers)
        except Refused:
            self._store.refused_from(kept)
            raise
        return self._take(kept, _object(body))

    def _send_all(self, documents: list[Kept]) -> list[Booked]:
        """By bulk where there are several; the verdicts are in order."""
        if len(documents) == 1:
            return [self._send(documents[0])]
        headers = {"Content-Type": "application/vnd.tallystick.documents"}
        body = b"\n".join(one.compact for one in documents)
        _, said = self._transport.call("POST", "/erp/v1/bulk", body, headers)
        answers: list[Booked] = []
        for kept, line in zip(documents, said.splitlines(), strict=False):
            verdict = _object(line)
            problem = verdict.get("problem")
            if problem is None:
                answers.append(self._take(kept, verdict["answer"]))
            elif verdict["state"] == "unsettled" or is_later(problem):
                raise Away(f"{problem['code']} {problem.get('detail', '')}", wait_of(problem))
            else:
                self._store.refused_from(kept)
                raise Refused(problem)
        if len(answers) < len(documents):
            raise Away("the answer ended early")
        return answers

    def _take(self, kept: Kept, answer: Mapping[str, Any]) -> Booked:
        """The operator has it; its answer must speak of the very document that was signed."""
        place = self._place()
        link = device_link(place.link, kept.sequence, kept.compact)
        number = f"{place.device}-{place.device}-{kept.sequence}"
        if answer["number"] != number or read_base64url(answer["device_link"]) != link:
            raise ErpError(f"the answer is not about {number} as it was signed")
        shift = place.shift.after(dict(kept.payload), kept.sequence)
        self._store.booked(kept, answer, Place(place.device, place.audience, kept.sequence, link, shift))
        return Booked.of(answer)

    def _place(self) -> Place:
        place = self._store.place()
        if place is None:
            raise ErpError("call begin first")
        return place

    def _read(self, method: str, path: str) -> Mapping[str, Any]:
        _, body = self._transport.call(method, path)
        return _object(body)


def _parts(documents: list[Kept]) -> list[list[Kept]]:
    """As many as a bulk takes, in documents and in bytes."""
    parts: list[list[Kept]] = []
    size = 0
    for one in documents:
        size += len(one.compact) + 1
        if not parts or len(parts[-1]) == BULK_MOST or size > BULK_BYTES_MOST:
            parts.append([])
            size = len(one.compact) + 1
        parts[-1].append(one)
    return parts


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        raise Away("the answer ended early") from None
    if not isinstance(said, dict):
        raise Away("an answer that is not the operator's")
    return said
