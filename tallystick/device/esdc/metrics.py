"""What an E-SDC counts; one series a slot, so their number is bounded by the slots of a process."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

SALE_SECONDS = Histogram(
    "tallystick_esdc_sale_seconds",
    "From a sale's turn in the device's thread to its answer being ready",
    ["slot"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
SALES = Counter("tallystick_esdc_sales", "Requests to fiscalise by how they ended", ["slot", "end"])
PACKAGES = Counter(
    "tallystick_esdc_packages", "Packages that the authority judged, by audit status", ["slot", "status"]
)
WAITING = Gauge("tallystick_esdc_waiting_packages", "Packages that the authority has not judged yet", ["slot"])
UNAUDITED = Gauge("tallystick_esdc_unaudited_ratio", "Unaudited sum of the card over its limit", ["slot"])
ONLINE = Gauge("tallystick_esdc_online", "1 while the authority answers", ["slot"])
GONE = Gauge(
    "tallystick_esdc_gone_ordinals", "Ordinals that the authority misses and this device has no more (K-13)", ["slot"]
)
