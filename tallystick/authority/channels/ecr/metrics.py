"""What this channel counts."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Histogram

REQUESTS = Counter(
    "tallystick_ecr_requests", "Requests of national devices, by path and HTTP status", ["path", "status"]
)
SECONDS = Histogram(
    "tallystick_ecr_seconds",
    "From a document's arrival to its answer",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)


@cache
def _child(path: str, status: int) -> Counter:
    return REQUESTS.labels(path=path, status=status)


def answered(path: str, status: int) -> None:
    """Count an answer. Both labels come from our own code, so their number is bounded."""
    _child(path, status).inc()
