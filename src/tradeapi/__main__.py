"""`python -m tradeapi`, where the script is not on the path."""

from tradeapi.cli import main

main()
