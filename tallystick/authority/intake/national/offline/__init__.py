"""What was sold without a network: a batch goes through the same checks, one document after the other.

Promises that a batch is booked whole, in its device's order, what is wrong with a document noted beside it, since its
buyer has it already; that a batch broken off goes on where it was; and that receipts of a revoked device are kept apart
until two officers decide. Carries S0-061 to S0-065, K-20, K-21.
"""
