"""`python -m autograder.integrations.otter prepare SOURCE` (setup.sh) and `… grade AUTOGRADER` (run_autograder)."""

from __future__ import annotations

import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    from autograder.feedback.refusals import explain
    from autograder.integrations.otter.bundle import BundleError
    from autograder.integrations.otter.run import grade_into, prepare

    match arguments:
        case ["grade", folder]:
            grade_into(Path(folder))
            return 0
        case ["prepare", source]:
            try:
                prepare(Path(source))
            except Exception as error:
                text = str(error) if isinstance(error, BundleError) else explain(error)
                if text is None:
                    raise
                sys.stderr.write(text + "\n")
                return 1
            return 0
    sys.stderr.write(f"{__doc__}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
