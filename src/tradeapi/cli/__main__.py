"""`python -m tradeapi.cli`, where the script is not on the path."""

from tradeapi.cli import main

main()
