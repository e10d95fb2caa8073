"""Run the command line: ``python -m toolkit`` and the console script ``toolkit``."""

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        from toolkit.cli.app import run
    except KeyboardInterrupt:  # before anything could begin
        sys.stderr.write("error: interrupted (Ctrl-C)\n")
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
