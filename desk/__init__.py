"""People on the line: those who talk to a persona from the browser."""
