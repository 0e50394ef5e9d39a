"""The provider in docs/how-to/add-a-channel.md works as it is printed: its two blocks are run through the suite."""

import re
import sys
import types
from pathlib import Path

import pytest
from django.conf import settings

from channels import registry

PAGE = Path(settings.BASE_DIR) / "docs" / "how-to" / "add-a-channel.md"
PROVIDER, TEST = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def loaded(name, source):
    """The block as the module that the page says it is."""
    module = types.ModuleType(name)
    module.__file__ = str(PAGE)
    sys.modules[name] = module
    exec(compile(source, f"{PAGE}:{name}", "exec"), module.__dict__)
    return module


provider_module = loaded("channels.providers.webhook", PROVIDER)
TestWebhook = loaded("tests.contract.test_webhook", TEST).TestWebhook
for name in ("channels.providers.webhook", "tests.contract.test_webhook"):
    del sys.modules[name]


@pytest.fixture
def registered():
    registry.register(provider_module.Webhook)
    yield
    registry.unregister("webhook")


def test_the_page_says_where_its_blocks_go():
    text = PAGE.read_text()
    assert "`channels/providers/webhook.py`" in text and "`tests/contract/test_webhook.py`" in text


def test_it_is_one_calm_file():
    assert len([line for line in PROVIDER.splitlines() if line.strip()]) <= 100


@pytest.mark.django_db
def test_the_admins_form_follows_from_it(registered, client, owner):
    client.force_login(owner)
    page = client.get("/admin/channel-accounts/new/webhook/").content.decode()
    assert 'name="url"' in page and 'name="secret"' in page
    client.post("/admin/channel-accounts/new/webhook/", {"name": "W", "url": "http://127.0.0.1:9/", "secret": "s3cret"})
    from channels.models import ChannelAccount

    assert ChannelAccount.objects.get().channel == "social"


def test_a_module_in_the_folder_is_found(tmp_path, monkeypatch):
    from channels import providers

    (tmp_path / "webhook.py").write_text(PROVIDER)
    monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(tmp_path)])
    registry._found.cache_clear()
    try:
        assert registry.provider_class("webhook").name == "Webhook"
    finally:
        registry._found.cache_clear()
        sys.modules.pop("channels.providers.webhook", None)
