"""The house stands as ARCHITECTURE.md draws it.

`calendar/` holds the app `marketing_calendar` and must never become a package: a top-level package called `calendar` shadows
the standard library's, and e-mail, requests and more break. The fix is always to put new code into
`calendar/marketing_calendar/` and to leave `calendar/` without an `__init__.py`.
"""

import calendar
import graphlib
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import grimp
import pytest
from django.apps import apps
from django.conf import settings

ROOT = Path(settings.BASE_DIR)

LAYERS = [
    {"config"},
    {"marketing_calendar"},
    {"measurement"},
    {"publishing"},
    {"planning"},
    {"cms"},
    {"promotions"},
    {"audiences"},
    {"links", "channels"},
    {"core"},
]
HEIGHT = {label: -depth for depth, labels in enumerate(LAYERS) for label in labels}


def test_calendar_is_a_folder_and_not_a_package():
    assert not (ROOT / "calendar" / "__init__.py").exists(), __doc__


def test_the_standard_librarys_calendar_is_what_gets_imported():
    assert Path(calendar.__file__).is_relative_to(sysconfig.get_paths()["stdlib"])


@pytest.mark.parametrize("start", [["-c", "import calendar; print(calendar.__file__)"]])
def test_the_standard_librarys_calendar_is_imported_from_the_root_too(start):
    printed = subprocess.run(
        [sys.executable, *start], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert Path(printed).is_relative_to(sysconfig.get_paths()["stdlib"])


def test_every_room_has_a_place_in_the_layers():
    rooms = [config for config in apps.get_app_configs() if Path(config.path).is_relative_to(ROOT)]
    ours = {config.label for config in rooms if ".venv" not in config.path}
    assert ours == set(HEIGHT)


PACKAGES = ("config", "core", "cms", "campaigns", "channels", "marketing_calendar")


def test_no_files_import_one_another_in_a_circle():
    """Also not inside a function, where Python does not mind: a circle is one file in several pieces.

    Left out is only what type checkers alone read.
    """
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        # The order of the standard library's answer: each is imported by the next.
        pytest.fail("A circle of files: " + " ← ".join(error.args[1]))


def test_the_ledger_goes_by_its_own_clock():
    """`clock.now()` may be set by anybody; what the ledger writes and compares is `clock.ledger_now()`."""
    # events: compares with what `channels` wrote by the machine's clock; weighing: an outcome's `retry_at` is told by it too
    others = {"events.py": 1, "weighing.py": 1}
    found = {
        path.name: count
        for path in (ROOT / "campaigns" / "publishing" / "services").glob("*.py")
        if (count := len(re.findall(r"\bclock\.now\(", path.read_text())))
    }
    assert found == others


def relations():
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label not in HEIGHT:
            continue
        for field in model._meta.get_fields(include_hidden=False):
            if field.is_relation and field.concrete and field.related_model and field.related_model != "self":
                yield model, field


def test_model_relations_go_down_too():
    """A foreign key is an import that import-linter does not see."""
    wrong = [
        f"{model._meta.label}.{field.name} → {field.related_model._meta.label}"
        for model, field in relations()
        if (target := field.related_model._meta.app_label) in HEIGHT
        and target != model._meta.app_label
        and HEIGHT[target] >= HEIGHT[model._meta.app_label]
    ]
    assert not wrong


def test_migration_dependencies_go_down_too():
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(None, ignore_no_migrations=True)
    wrong = [
        f"{label}.{name} → {target}.{before}"
        for (label, name), migration in loader.disk_migrations.items()
        if label in HEIGHT
        for target, before in migration.dependencies
        if target in HEIGHT and target != label and HEIGHT[target] >= HEIGHT[label]
    ]
    assert not wrong


def test_celery_is_imported_by_tasks_and_the_wiring_only():
    """Also as an external name inside a function, which import-linter's contract covers as well."""
    wrong = [
        str(path.relative_to(ROOT))
        for room in ("core", "cms", "campaigns", "channels", "calendar")
        for path in (ROOT / room).rglob("*.py")
        if path.name != "tasks.py" and re.search(r"^\s*(from|import) (celery|kombu)\b", path.read_text(), re.MULTILINE)
    ]
    assert not wrong
