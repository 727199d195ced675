"""The E-SDC: takes invoices from a POS, has the secure element sign them, keeps them, brings them to the authority.

Promise: nothing that a POS got an answer for is lost, nothing is signed twice, no number is skipped, whatever moment
the power fails. Selling goes on while the authority is away. Rows S2-001 to S2-039, S2-069 to S2-075, S2-081 to S2-120
as far as they concern the device, K-07, K-08, K-25. It owns one SQLite file for each card that was ever inserted.
"""
