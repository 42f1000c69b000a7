"""This system and its peers: interleaved rounds, tables and a plot."""
