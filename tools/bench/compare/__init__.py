"""This system beside its peers: interleaved rounds, tables and a plot."""
