"""``python -m deploy`` is ``headrace``."""

from deploy import cli

if __name__ == "__main__":
    cli.main()
