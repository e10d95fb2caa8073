"""Run the command line: ``python -m toolkit`` and the console script ``toolkit``."""

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from toolkit.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
