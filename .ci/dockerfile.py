"""Runs the steps of deploy/Dockerfile in a clean directory, where no container engine is: ``python .ci/dockerfile.py``.

Each of the image's absolute folders becomes one below a scratch folder, mounted in its place in a mount namespace of its own, so
that paths are those of the image. COPY takes what git knows less what the .dockerignore leaves out; ENV, WORKDIR and RUN are done
as they stand, and at the end the image's user, in a home of its own, migrates, starts web, worker and scheduler, and is asked
whether it is alive and ready. Not done: FROM (the machine's Python takes the place of the image's) and what asks Debian for
packages or makes the user, which would change this machine.
"""

import fnmatch
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("/app", "/venv", "/node", "/scratch", "/var/lib/almanac")
OF_THE_MACHINE = re.compile(r"\b(apt-get|groupadd|useradd)\b")
TOKEN = "only-for-this-check-0123456789"
PORT = 8793


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, as (word, rest)."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "deploy/Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def context() -> list[str]:
    """What COPY sees: files that git knows, or would, less those that are ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    ignored = [line for line in (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines() if line]

    def is_left_out(name: str) -> bool:
        parents = [name, *(str(parent) for parent in Path(name).parents)]
        return any(
            fnmatch.fnmatch(one, pattern.removeprefix("**/")) or one == pattern
            for pattern in ignored
            for one in parents
        )

    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file() and not is_left_out(name)]


def copy(rest: str, workdir: str) -> None:
    """COPY of files from the context; one from another stage is there already."""
    if rest.startswith("--from="):
        return
    source, target = rest.split()
    names = context() if source == "." else [source]
    for name in names:
        path = Path(workdir) / target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, path)


def inside() -> int:
    """Everything, in the mount namespace."""
    ours = re.compile("ALMANAC_|DATABASE_|DJANGO_|PYTHON|VIRTUAL_ENV|UV_")
    environment = {name: value for name, value in os.environ.items() if not ours.match(name)}
    environment["PATH"] = f"{Path(sys.executable).resolve().parent}:/usr/bin:/bin"
    workdir, user, entrypoint = "/", "", []
    for word, rest in instructions():
        if word == "WORKDIR":
            workdir = rest
            Path(workdir).mkdir(exist_ok=True)
        elif word == "ENV":
            for one in shlex.split(rest):
                name, _equals, value = one.partition("=")
                environment[name] = value.replace("$PATH", environment["PATH"])
        elif word == "COPY":
            copy(rest, workdir)
        elif word == "USER":
            user = rest
        elif word == "ENTRYPOINT":
            entrypoint = re.findall(r'"([^"]+)"', rest)
        elif word == "RUN" and not OF_THE_MACHINE.search(rest):
            print(f"RUN {rest}", flush=True)
            subprocess.run(["bash", "-euc", rest], cwd=workdir, env=environment, check=True)
    return start(entrypoint, environment, workdir, *(int(one) for one in user.split(":")))


def start(entrypoint: list[str], environment: dict[str, str], workdir: str, user: int, group: int) -> int:
    """As the image's user, whose home alone it may write: the tables, the processes, and the probes."""
    os.chown("/var/lib/almanac", user, group)
    environment |= {"ALMANAC_MONITOR_TOKEN": TOKEN, "HOME": "/var/lib/almanac"}
    command = [shutil.which(entrypoint[0], path=environment["PATH"]) or entrypoint[0], *entrypoint[1:]]

    def run(*arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*command, *arguments], cwd=workdir, env=environment, user=user, group=group, extra_groups=[]
        )

    if run("migrate", "--verbosity", "0").wait():
        return 1
    running = [run("web", "--port", str(PORT)), run("worker"), run("scheduler")]
    try:
        end = time.monotonic() + 120
        while time.monotonic() < end and all(one.poll() is None for one in running):
            asked = Request(f"http://127.0.0.1:{PORT}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
            try:
                with urlopen(asked, timeout=5) as answer:
                    print(answer.read().decode())
                with urlopen(f"http://127.0.0.1:{PORT}/admin/login/", timeout=20) as page:
                    styled = re.search(rb'href="(/static/[^"]+\.css)"', page.read())
                    assert styled is not None, "the page names no style sheet"
                with urlopen(f"http://127.0.0.1:{PORT}{styled[1].decode()}", timeout=20):
                    print("The steps of the Dockerfile make what runs as its user, and it is ready.")
                    return 0
            except (URLError, OSError):
                time.sleep(0.5)
        print("It did not become ready.")
        return 1
    finally:
        for one in running:
            one.send_signal(signal.SIGTERM)
        for one in running:
            one.wait(60)


def main() -> int:
    """Make the scratch folders and enter a mount namespace in which they stand in the place of the image's."""
    if len(sys.argv) > 1:
        return inside()
    made = [Path(folder) for folder in FOLDERS if not Path(folder).exists()]
    scratch = Path(tempfile.mkdtemp(prefix="almanac-image-"))
    scratch.chmod(0o755)
    try:
        binds = []
        for folder in FOLDERS:
            Path(folder).mkdir(parents=True, exist_ok=True)
            own = scratch / folder.strip("/").replace("/", "-")
            own.mkdir()
            binds.append(f"mount --bind {own} {folder}")
        script = f"{' && '.join(binds)} && exec {sys.executable} {Path(__file__)} inside"
        return subprocess.run(["unshare", "--mount", "bash", "-c", script], check=False).returncode
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for folder in made:
            folder.rmdir()


if __name__ == "__main__":
    sys.exit(main())
