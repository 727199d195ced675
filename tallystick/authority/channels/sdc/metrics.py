"""What this channel counts."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter

REQUESTS = Counter("tallystick_sdc_requests", "Requests of devices, by path and HTTP status", ["endpoint", "status"])


@cache
def _child(endpoint: str, status: int) -> Counter:
    return REQUESTS.labels(endpoint=endpoint, status=status)


def answered(endpoint: str, status: int) -> None:
    """Count an answer. Both labels come from our own code, so their number is bounded."""
    _child(endpoint, status).inc()
