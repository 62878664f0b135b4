"""``python -m forecast.cli``: the command ``forecast`` where its script is not on the path."""

from forecast.cli.main import main

main()
