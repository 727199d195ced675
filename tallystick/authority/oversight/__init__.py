"""Who did what, and whose word a deed needs: rooms that every other room of the authority may tell and ask."""
