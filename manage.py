#!/usr/bin/env python
"""One door for the command line."""

import sys


def main() -> None:
    """Hand the command line to Django."""
    from config import env

    env.use_settings()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
