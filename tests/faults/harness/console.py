"""``python -m tests.faults.harness.console [MODULE]``: does what `inside` or another module knows, one JSON line in, one out."""

import importlib
import json
import os
import sys
import traceback


def main() -> None:
    """Until the pipe ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints must not be taken for an answer
    from config import env

    os.environ["DJANGO_SETTINGS_MODULE"] = env.settings_module()
    import django

    django.setup()
    from django.db import connections

    inside = importlib.import_module(sys.argv[1] if len(sys.argv) > 1 else "tests.faults.harness.inside")
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"value": getattr(inside, asked["do"])(**asked["with"])}
        except Exception as error:
            traceback.print_exc()
            answer = {"error": type(error).__name__, "message": str(error)}
        finally:
            connections.close_all()
        answers.write(json.dumps(answer, default=str) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
