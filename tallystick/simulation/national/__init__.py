"""The national channels of the demonstration: supermarkets on line, trucks off line, an ERP, and a company with all.

Everything is what a user would have: registers over their own stores in a rack of their own, write-once memories as
files, certificates over EST, the real doors over TLS, the reference client of the ERP. The tills and drivers are
threads of the demonstration, as those of the shops are: they only press keys. All registers share one process, since
each would cost a second of two cores at every start, and since a power cut of that process is a power cut of all.
"""
