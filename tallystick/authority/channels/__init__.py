"""Who talks to us: one room a channel."""
