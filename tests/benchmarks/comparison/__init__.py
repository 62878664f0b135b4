"""How the comparison is run: data for all, one process per contender, rounds in turns, records, tables."""
