"""Conversations without I/O: a generator yields what it needs, a thin driver performs it and sends the answer back.

The same function so runs against a real reader, a virtual card, or a test's playbook that answers as it likes.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Generic, Protocol, TypeVar

from tallystick.device.esdc.facts import CardFacts
from tallystick.device.esdc.store import Store
from tallystick.device.secure_element import CardPort, SecureElement

T = TypeVar("T")


class Means(Protocol):
    """What the thread of a slot works with: the store of the inserted card and the session with it."""

    @property
    def store(self) -> Store:
        """The store of the inserted card."""

    @property
    def card(self) -> SecureElement:
        """The session with the inserted card."""

    @property
    def facts(self) -> CardFacts:
        """What the inserted card's certificate says."""

    @property
    def port(self) -> CardPort:
        """The bytes under that session."""


class Need(Generic[T]):
    """One thing that a conversation asks for; subclasses are values, so that a playbook can compare them."""

    def perform(self, means: Means) -> T:
        """Do it and give the answer; what it raises is thrown into the conversation."""
        raise AssertionError("abstract")


Conversation = Generator[Need[Any], Any, T]


def ask(need: Need[T]) -> Generator[Need[Any], Any, T]:
    """Yield a need and give its answer with its type: ``answer = yield from ask(need)``."""
    answer: T = yield need
    return answer


def hold(conversation: Conversation[T], means: Means) -> T:
    """Drive a conversation to its end: perform each need, send back its answer or throw its exception in."""
    try:
        need = next(conversation)
        while True:
            try:
                answer = need.perform(means)
            except Exception as error:
                need = conversation.throw(error)
            else:
                need = conversation.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
