"""``python -m trackstore.cli``."""

from trackstore.cli import main

main()
