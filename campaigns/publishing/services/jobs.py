"""From a row of the ledger and a sealed part to the job a provider gets."""

from typing import Any

from campaigns.links import services as links
from campaigns.links import tokens
from campaigns.publishing import refs
from campaigns.publishing.compiler import Loaded
from campaigns.publishing.services.flights import Row
from channels.base import Job


def job_for(loaded: Loaded, row: Row, ref: str = "") -> Job:
    """The job of one row, whose `ref` may be known; raises `Invalid` when a field cannot be put into the message."""
    context: dict[str, Any] = {**row.contact, "contact": row.contact}
    if loaded.names & {"click_base", "open_url"}:
        click = tokens.make("click", row.delivery_id, loaded.link_set_id)
        context["click_base"] = links.click_url(click, 0)[:-1]
        context["open_url"] = links.open_url(click)
    if "unsubscribe_url" in loaded.names:
        token = tokens.make("unsubscribe", row.delivery_id, loaded.link_set_id)
        context["unsubscribe_url"] = links.unsubscribe_url(token)
    values = loaded.values(context)
    ref = ref or refs.make(row.delivery_id)
    if loaded.post:
        return Job(ref=ref, address="", part=loaded.part_for(values))
    return Job(ref=ref, address=row.address, part=loaded.part, values=values)
