"""Leads through a ceremony: says each step, does it, asks the observers, writes it down. Goes on where it stopped.

Between the steps that need the secret it stays in memory; after an interruption a quorum of custodians gives it again.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import attrs

from tallystick import __version__
from tallystick.crypto import shares
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import Clock
from tallystick.ops.ceremony.making import Making
from tallystick.ops.ceremony.record import VERSION, Record
from tallystick.ops.ceremony.script import STEPS, Step, require_next

WORDS_TYPED_BACK = 3
_TRIES = 3
_YES = frozenset({"y", "yes"})


class Console(Protocol):
    """How the machine talks with the people in the room."""

    def say(self, text: str) -> None:
        """Show a text to everybody."""

    def ask(self, prompt: str) -> str:
        """One line from the keyboard, shown while it is typed."""

    def ask_secret(self, prompt: str) -> str:
        """One line that is not shown while it is typed."""

    def show_alone(self, text: str) -> None:
        """Show a text to one person, until that person says so; then nothing of it stays on the screen."""


@attrs.frozen(kw_only=True)
class People:
    """How many there are: custodians, how many of them are needed, observers."""

    quorum: int = 3
    custodians: int = 5
    observers: int = 2


@attrs.define(kw_only=True)
class Leader:
    """Leads through the steps of a script; what is done at each is the subclass's."""

    console: Console
    record: Record
    people: People
    clock: Clock
    steps: tuple[Step, ...] = STEPS
    _secret: bytes | None = None

    def deeds(self) -> Mapping[str, Callable[[], Mapping[str, str]]]:
        """What is done at each step; its facts go into the record."""
        raise NotImplementedError

    @property
    def kind(self) -> str:
        """What this is, as the record names it."""
        raise NotImplementedError

    def expected_secret(self) -> str:
        """The hash of the secret that a quorum must give."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the store."""
        raise NotImplementedError

    def run(self) -> Record:
        """Every step that is not done yet, in order.

        Raises ``TS-3011`` (share wrong), ``TS-3012`` (order), ``TS-3035`` (custodians missing), ``TS-3038`` (an
        observer refuses); the step is then not done, and the same ceremony goes on with it later.
        """
        names = tuple(step.name for step in self.steps)
        if self.record.done == names:
            raise Fault("TS-3012", detail="this ceremony is at its end; its record stands")
        try:
            for name in names[len(self.record.done) :]:
                self.carry_out(name)
        finally:
            self.close()
        return self.record

    def carry_out(self, name: str) -> None:
        """One step; raises ``TS-3012`` when another one is due."""
        step = require_next(self.record.done, name, self.steps)
        number = len(self.record.done) + 1
        self.console.say(f"\n{number} of {len(self.steps)}. {step.title}\n{step.said}")
        facts = self.deeds()[name]()
        for key, value in facts.items():
            self.console.say(f"   {key}: {value}")
        self.record.add(name, _text(self.clock()), facts, self._tick(step))

    def _tick(self, step: Step) -> list[str]:
        names = [name for key, name in self.record.facts("people").items() if key.startswith("observer")]
        if step.name == "people":
            return []
        for name in names:
            if self.console.ask(f"{name}, was it so? (y/n) ").strip().lower() not in _YES:
                raise Fault("TS-3038", detail=f"{name} does not tick the step {step.name}")
        return names

    def names(self, more: list[str], taken: Mapping[str, str]) -> dict[str, str]:
        """Of the conductor, the observers and more people; nobody who has a part already."""
        observers = [f"observer {number}" for number in range(1, self.people.observers + 1)]
        found: dict[str, str] = {}
        for part in ["conductor", *observers, *more]:
            found[part] = self._name(part, {**taken, **found})
        return found

    def _name(self, part: str, taken: Mapping[str, str]) -> str:
        for _ in range(_TRIES):
            name = " ".join(self.console.ask(f"Name of the {part}: ").split())
            if name and name.casefold() not in {other.casefold() for other in taken.values()}:
                return name
            self.console.say("A name, and nobody twice.")
        raise Fault("TS-3035", detail=f"there is no {part}")

    def place(self) -> Mapping[str, str]:
        """Where, when and with what."""
        return {
            "kind": self.kind,
            "record": VERSION,
            "version": __version__,
            "host": platform.node(),
            "room": self.console.ask("Room: ").strip(),
            "video": self.console.ask("Time that the camera shows: ").strip(),
        }

    def proof(self) -> Mapping[str, str]:
        """A quorum gives the secret."""
        secret, numbers = self._gather()
        self._secret = secret
        return {"shares used": ", ".join(str(number) for number in sorted(numbers))}

    def the_secret(self) -> bytes:
        """The secret, from a quorum where an interruption made it forgotten."""
        if self._secret is None:
            self.console.say("The ceremony goes on after an interruption: a quorum gives the secret again.")
            self._secret, _ = self._gather()
        return self._secret

    def _gather(self) -> tuple[bytes, list[int]]:
        people = self.record.facts("people")
        names = [name for key, name in people.items() if key.startswith("custodian")]
        secret, numbers = gather_shares(self.console, names, int(people["quorum"]))
        if _hash_of(secret) != self.expected_secret():
            raise Fault("TS-3011", detail="the shares are those of another ceremony")
        return secret, numbers

    def end(self) -> Mapping[str, str]:
        """Forget the secret."""
        self._secret = None
        return {"record": self.record.hash.hex()}


@attrs.define(kw_only=True)
class Conductor(Leader):
    """The first ceremony, or the rehearsal of it."""

    making: Making
    is_rehearsal: bool = False

    def deeds(self) -> Mapping[str, Callable[[], Mapping[str, str]]]:
        """See `Leader`."""
        return {
            "people": self._people,
            "place": self.place,
            "shares": self._shares,
            "proof": self.proof,
            "store": lambda: self.making.take_secret(self.the_secret()),
            "keys": lambda: self.making.make_keys(self.the_secret(), self.clock()),
            "certificates": lambda: self.making.make_certificates(self.the_secret(), self.clock()),
            "trial": lambda: self.making.try_keys(self.the_secret(), self.record.facts("keys")),
            "end": self.end,
        }

    @property
    def kind(self) -> str:
        """See `Leader`."""
        return "rehearsal" if self.is_rehearsal else "ceremony"

    def expected_secret(self) -> str:
        """See `Leader`."""
        return self.record.facts("shares")["secretHash"]

    def close(self) -> None:
        """See `Leader`."""
        self.making.close()

    def _people(self) -> Mapping[str, str]:
        """Names, each once."""
        parts = [f"custodian {number}" for number in range(1, self.people.custodians + 1)]
        return self.names(parts, {}) | {"quorum": str(self.people.quorum)}

    def _shares(self) -> Mapping[str, str]:
        """Draw the secret and hand out its shares. Begun again, it is another secret: earlier papers are void."""
        people = self.record.facts("people")
        quorum, count = int(people["quorum"]), sum(key.startswith("custodian") for key in people)
        secret = shares.new_secret()
        handed = shares.split(secret, quorum, count)
        for number, words in enumerate(handed, 1):
            self._hand_out(people[f"custodian {number}"], number, words.split())
        self._secret = secret
        set_number = shares.read_share(handed[0]).set_number
        return {"set": str(set_number), "shares": f"{quorum} of {count}", "secretHash": _hash_of(secret)}

    def _hand_out(self, name: str, number: int, words: list[str]) -> None:
        self.console.say(f"{name} comes to the machine alone.")
        self.console.show_alone(f"Share {number}, {len(words)} words:\n{_in_rows(words)}")
        asked = (1, len(words) // 2, len(words))
        for _ in range(_TRIES):
            typed = [self.console.ask_secret(f"{name}, word {at} of your paper: ").strip().lower() for at in asked]
            if typed == [words[at - 1] for at in asked]:
                return
            self.console.say("These are not the words. Look at your paper.")
        raise Fault("TS-3011", detail=f"{name} could not read the share back")


def gather_shares(console: Console, names: list[str], quorum: int) -> tuple[bytes, list[int]]:
    """Let custodians type their shares until there are enough; the secret, and the numbers of the shares used.

    An empty answer means that a custodian is not here. Raises ``TS-3035`` and ``TS-3011``.
    """
    given: dict[int, str] = {}
    for name in names:
        if len(given) == quorum:
            break
        words = _typed_share(console, name)
        if words is not None:
            given[shares.read_share(words).number] = words
    return shares.combine(list(given.values())), list(given)


def _typed_share(console: Console, name: str) -> str | None:
    problem = Fault("TS-3011")
    for _ in range(_TRIES):
        words = console.ask_secret(f"{name}, the words of your share (nothing when you are not here): ")
        if not words.strip():
            return None
        try:
            shares.read_share(words)
        except Fault as fault:
            problem = fault
            console.say(f"{fault.detail} Type it again.")
            continue
        return words
    raise problem


def _in_rows(words: list[str]) -> str:
    """Four numbered words a line."""
    numbered = [f"{at:>2} {word:<10}" for at, word in enumerate(words, 1)]
    return "\n".join(" ".join(numbered[start : start + 4]).rstrip() for start in range(0, len(words), 4))


def _hash_of(secret: bytes) -> str:
    """Of 256 random bits, so that nobody finds the secret from it."""
    return sha256(b"tallystick ceremony\0" + secret).hex()


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
