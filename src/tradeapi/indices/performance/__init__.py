"""How indices have done: levels, returns, and the measures of them."""
