"""`python -m teleread`, and what the `teleread` command runs."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run one command; the result is the exit code of the command line's contract."""
    words = sys.argv[1:] if argv is None else argv
    if words == ["--version"]:
        from teleread import __version__

        print(f"teleread {__version__}")
        return 0
    from teleread.cli.main import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main())
