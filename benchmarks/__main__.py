"""``python -m benchmarks [NAME …] [--json] [--short] [--write]``.

Exit status: 0 all is well; 1 something is below its floor; 2 a reference is not installed (the package is named).
"""

import argparse
import json
import sys

from benchmarks import frame, page


def main() -> int:
    """Run what was asked for."""
    known = frame.registered()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what is promised as a ratio.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of these (all by default): {', '.join(known)}")
    parser.add_argument("--json", action="store_true", help="print one JSON array and nothing else")
    parser.add_argument("--short", action="store_true", help="a small amount, once: that they run and their plans hold")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/explanation/speed.md")
    given = parser.parse_args()
    if unknown := [name for name in given.names if name not in known]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    if given.write and given.short:
        parser.error("the short form has no figures to write")
    chosen = [known[name] for name in given.names] or list(known.values())
    measured = []
    if not given.json:
        print(frame.machine())
    for one in frame.run_all(chosen, short=given.short):
        measured.append(one)
        print(one.line(), file=sys.stderr if given.json else sys.stdout, flush=True)
        if given.write:
            page.write(one)
    if given.json:
        print(json.dumps([one.as_json() for one in measured], indent=1))
    return frame.exit_code(measured)


if __name__ == "__main__":
    sys.exit(main())
