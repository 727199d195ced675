"""Commands of the authority, at the register: believed with nothing but the root, carried out once, answered (S0-030).

Promise: a command is carried out in the order of its number, never after its end and never twice, whatever moment the
power fails; what it changed and the signed answer are one commit; the answer is sent until the authority has it. Owns
``commands.db`` in the register's folder.
"""
