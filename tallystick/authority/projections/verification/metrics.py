"""What the public listener counts."""

from __future__ import annotations

from prometheus_client import Counter

VERIFICATIONS = Counter("tallystick_verifications", "Verification URLs judged, by verdict", ["state"])
