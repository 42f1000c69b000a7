"""How well turns are taken: recorded cases against the production path, judged by the synthetic caller's ear."""
