"""The functions that a language model may call, and the web services behind them."""
