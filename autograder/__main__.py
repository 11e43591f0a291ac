"""The command `autograder`, which is `python -m autograder`."""

import sys


def main() -> None:
    """Run the command. Where it will need torch, importing that begins before the command itself is read."""
    from autograder.jail import here

    if here.is_wanted_by(sys.argv[1:]):
        here.begin()
    from autograder.cli import main as command

    command()


if __name__ == "__main__":
    main()
