"""What the sequencer counts, once a batch: a count a document would cost more than some of its hashes."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

ENTRIES = Counter("tallystick_ledger_entries", "Entries booked")
REFUSALS = Counter("tallystick_ledger_refused", "Entries answered with a fault, by code", ["code"])
TAKEOVERS = Counter("tallystick_ledger_takeovers", "Times that this process took the lease and raised a barrier")
BATCH_ENTRIES = Histogram(
    "tallystick_ledger_batch_entries", "Entries of a batch", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
)
BATCH_SECONDS = Histogram(
    "tallystick_ledger_batch_seconds",
    "From the first row of a batch to its signature",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
SIZE = Gauge("tallystick_ledger_size", "Entries in the ledger")
ACKNOWLEDGED = Gauge("tallystick_ledger_acknowledged", "Entries behind the acknowledgement gate")


def batch_booked(entries: int, seconds: float, size: int, acknowledged: int) -> None:
    """Count a batch that is committed and signed."""
    ENTRIES.inc(entries)
    BATCH_ENTRIES.observe(entries)
    BATCH_SECONDS.observe(seconds)
    SIZE.set(size)
    ACKNOWLEDGED.set(acknowledged)
