"""The benchmark's telephone numbers: which policy answers is a matter of the number that is dialled."""

NUMBERS = {"silence": "+12025550101", "eager": "+12025550102"}
