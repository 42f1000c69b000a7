"""The live calls, on one page that follows them by itself."""
