"""Commands of the authority to devices of the national channels: given, signed, fetched, answered (S0-030).

Promises that the commands of a device have one order by number and each one text for good; that a hold works at the
authority before the device knows of it; that none is handed out after its end or when a newer one took its place; that
what a device says about a command is kept with its exact bytes, and what contradicts it is kept beside it. Who gave a
command, and why, is an act. Owns the PostgreSQL schema `remote`.
"""
