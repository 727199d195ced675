"""The national online channel: tills, hardware registers and ERP systems that report straight to the operator.

Promises that only a device of the national branches gets in, by its own certificate; that a document is answered once
it is durable, with its fiscal number, its place in the ledger and the address of its receipt; that the same bytes get
the same answer, byte for byte, whoever of our processes answers and after any restart; and that whatever is wrong is
answered with a coded problem and changes nothing. A server node's calls (S1-015 to S1-019) are the same deeds under
other paths. Carries S0-030, S0-033 to S0-038, S0-053 to S0-055, S0-060, S1-015 to S1-019. Owns the PostgreSQL schema
`ecr`: receipts that buyers want to be sent, and how often a device called and was refused on a day.
"""
