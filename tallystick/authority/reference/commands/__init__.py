"""The outbox to a device: commands are queued, fetched, executed and reported (S2-013 to S2-016, S2-004).

Promises that a command stays outstanding until its result arrives, that it keeps its id however often it is fetched,
and that a newer command of a kind takes the place of an older one that nobody answered. Owns the PostgreSQL schema
`commands`.
"""
