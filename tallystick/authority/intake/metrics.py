"""What the intake counts. Children are bound once, since each label look-up would cost more than the count."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from tallystick.authority.ledger.entry import Channel

ANSWERS = Counter("tallystick_intake_packages", "Audit packages answered, by status", ["status"])
FAULTS = Counter("tallystick_intake_faults", "Faults found in documents, by step and code", ["step", "code"])
REPLAYS = Counter("tallystick_intake_replays", "Packages that had been answered before")
IN_WORK = Gauge("tallystick_intake_in_work", "Packages that are being judged now")
OPENING = Counter(
    "tallystick_unwrap_processor_seconds", "Processor time that opening takes: RSA, and the little that goes with it"
)
UNWRAP_WHOLE = Gauge("tallystick_unwrap_keys_whole", "0 while a package key that should be there does not open")
SECONDS = Histogram(
    "tallystick_intake_seconds",
    "From arrival to answer of a package that is kept",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


DOCUMENTS = Counter(
    "tallystick_intake_documents", "National documents booked or answered again, by channel", ["channel"]
)
DOCUMENT_SECONDS = Histogram(
    "tallystick_intake_document_seconds",
    "From arrival to answer of a national document",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def booked(channel: int, seconds: float) -> None:
    """Count a national document and its time."""
    _documents(channel).inc()
    DOCUMENT_SECONDS.observe(seconds)


@cache
def _documents(channel: int) -> Counter:
    return DOCUMENTS.labels(channel=Channel(channel).name.lower())


def fault(step: int, code: str) -> None:
    """Count a fault."""
    FAULTS.labels(step=step, code=code).inc()


def answered(status: int, seconds: float) -> None:
    """Count an answer and its time."""
    _answers(status).inc()
    SECONDS.observe(seconds)


@cache
def _answers(status: int) -> Counter:
    return ANSWERS.labels(status=status)
