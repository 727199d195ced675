"""TaxCore.API: what an E-SDC asks of the authority, exactly as the wire has it (TaxCore wire, chapter 6).

Promises one token a certificate, the same until it expires and after a restart; that the state of certificate and
card is looked at on each use; that an audit package gets its status and the commands that wait; and that whatever is
wrong is answered with a coded problem. Carries S2-002 to S2-004, S2-006, S2-013 to S2-016, S2-092 to S2-095, S2-117.
Owns the PostgreSQL schema `sdc`: tokens and the last contact of a device.
"""
