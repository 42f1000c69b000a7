"""The results of a load test: figures, plots and the page."""
