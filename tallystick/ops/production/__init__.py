"""The station that makes fiscal modules: where the authority's room and a module in a reader meet.

Neither knows the other. Here stand the walk of one module, the box of blanks, the run of a batch in processes, the
desk of the persons, the printer's key and the way to the tax service.
"""
