"""How a document of the online class becomes final: by the authority's answer, and by nothing else (S0-054, S0-060)."""

from __future__ import annotations

from datetime import datetime

from tallystick.device.ecr.channel import Channel
from tallystick.device.ecr.needs import Delivered


class OnlineWay:
    """The receipt exists when the authority's answer is there."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def deliver(self, compact: bytes, now: datetime) -> Delivered:
        """See `needs.Way`."""
        return Delivered(log_index=self._channel.send(compact).log_index)
