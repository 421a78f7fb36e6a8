"""TradingView's protocols: its charts read the market here, and save what their users draw."""
