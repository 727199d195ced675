"""What this channel counts."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge

REQUESTS = Counter("tallystick_vsdc_requests", "Requests of POS, by path and HTTP status", ["endpoint", "status"])
FAULTS = Counter("tallystick_vsdc_faults", "Refusals by fault code", ["code"])
INVOICES = Counter("tallystick_vsdc_invoices", "Invoices signed, booked and answered")
REPEATS = Counter("tallystick_vsdc_repeats", "Answers that were given before")
RECOVERED = Counter("tallystick_vsdc_recovered", "Begun invoices that were brought to their end later")
PASSED_ON = Counter("tallystick_vsdc_passed_on", "Requests passed on to the process that serves their POS")
IN_WORK = Gauge("tallystick_vsdc_in_work", "Requests for invoices in work or waiting")
SIGNATURES = Counter("tallystick_vsdc_signatures", "Signatures made by the signing process")
BATCHES = Counter("tallystick_vsdc_batches", "Commits that took numbers")


@cache
def _child(endpoint: str, status: int) -> Counter:
    return REQUESTS.labels(endpoint=endpoint, status=status)


def answered(endpoint: str, status: int) -> None:
    """Count an answer. Both labels come from our own code, so their number is bounded."""
    _child(endpoint, status).inc()
