"""What the key processes and those who ask them count."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

SIGNATURES = Counter("tallystick_keys_signatures", "Signatures made, by use", ["use"])
FAILURES = Counter("tallystick_keys_failures", "Requests that a key process could not carry out, by code", ["code"])
CIRCUIT = Gauge("tallystick_keys_circuit_open", "1 while no key process answers and nothing is asked of them")
UNEXPLAINED = Gauge("tallystick_keys_unexplained", "Signatures of the last reconcile that nothing explains")
