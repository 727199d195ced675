"""A few helpers with no domain in them. This floor must not grow: what knows fiscal words belongs higher up."""
