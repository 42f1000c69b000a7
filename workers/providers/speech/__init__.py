"""What is spoken earlier, or not again: first clauses, cached lines, held replies."""
