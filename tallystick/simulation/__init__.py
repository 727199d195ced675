"""A country in a box: shops with real baskets, tills, personalised cards and the run that sells through all of it."""
