"""The console script `relaxd`, also `python -m relaxd.service`."""

import sys

MISSING = """relaxd: the package {name!r} is not installed, and the command line needs it.
Install the server extra: pip install 'relaxd[server]'
"""


def main() -> None:
    """Run the command line; where the server extra is missing, say so and exit with 2."""
    try:
        # A light install has this file too, and none of what the command line needs.
        from relaxd.service.cli import app

        app()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "relaxd":
            raise
        sys.stderr.write(MISSING.format(name=error.name))
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
