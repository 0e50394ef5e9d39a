"""Human, machine or unsure: a pure function of what stands on the hit, so that it can be run again over old hits.

What an agent is the table of `campaigns.measurement.agents` says, and a library of crawlers only for agents it does not know.
Sources of the other rules (published by senders and scanners' vendors): a HEAD request, an agent that says it is a robot, every
link of one copy followed within seconds, a click within seconds of the sending. The last one alone is not proof: it
makes a click `unsure` until the landing page's script has run.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from crawlerdetect import CrawlerDetect

from campaigns.measurement import agents
from campaigns.measurement.agents import Is
from campaigns.measurement.models import Hit

QUICK_MS = 5_000
"""A click sooner than this after the sending is suspicious."""

BURST_LINKS = 3
"""So many different links of one copy within `BURST_SECONDS` are followed by a scanner."""

BURST_SECONDS = 3

SCRIPT_SECONDS = 60
"""A page view so soon after a click, with its token, shows that a browser came."""

_detector = CrawlerDetect()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one hit. `after_send_ms` is None where it tells nothing: posts, which everybody may read."""

    kind: str
    user_agent: str
    is_head: bool = False
    after_send_ms: int | None = None
    burst: int = 0
    ran_script: bool = False


class Seen(Protocol):
    """A hit, or what is about to become one."""

    kind: str
    user_agent: str
    is_head: bool
    after_send_ms: int | None
    burst: int
    ran_script: bool


def evidence_of(hit: Seen) -> Evidence:
    """The evidence that stands on `hit`."""
    return Evidence(
        kind=hit.kind,
        user_agent=hit.user_agent,
        is_head=hit.is_head,
        after_send_ms=hit.after_send_ms,
        burst=hit.burst,
        ran_script=hit.ran_script,
    )


def judge(evidence: Evidence) -> tuple[str, str]:
    """The verdict and a word for its reason."""
    if evidence.is_head:
        return Hit.Verdict.MACHINE, "head"
    agent = agents.of(evidence.user_agent)
    if agent is Is.MACHINE or (agent is None and is_robot(evidence.user_agent)):
        return Hit.Verdict.MACHINE, "robot"
    # Whoever fetches the pictures for a reader follows no links for a reader.
    if agent is Is.PROXY and evidence.kind != Hit.Kind.OPEN:
        return Hit.Verdict.MACHINE, "image-proxy"
    if evidence.burst >= BURST_LINKS:
        return Hit.Verdict.MACHINE, "all-links"
    if evidence.kind == Hit.Kind.OPEN:
        return _judge_open(evidence.user_agent, agent)
    if agent is Is.MAIL and not evidence.ran_script:
        return Hit.Verdict.UNSURE, "mail-program"
    if agent is None and not evidence.user_agent.startswith("Mozilla/"):
        return Hit.Verdict.UNSURE, "no-browser"
    if evidence.ran_script or evidence.kind == Hit.Kind.PAGE:
        return Hit.Verdict.HUMAN, "script-ran"
    if evidence.after_send_ms is not None and evidence.after_send_ms < QUICK_MS:
        return Hit.Verdict.UNSURE, "too-quick"
    return Hit.Verdict.HUMAN, ""


def _judge_open(user_agent: str, agent: Is | None) -> tuple[str, str]:
    # Apple's Mail Privacy Protection fetches every picture beforehand and calls itself nothing but this.
    if user_agent.strip() in {"Mozilla/5.0", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"}:
        return Hit.Verdict.MACHINE, "mail-privacy"
    if agent is Is.PROXY:
        return Hit.Verdict.UNSURE, "image-proxy"
    return (Hit.Verdict.HUMAN, "") if user_agent else (Hit.Verdict.UNSURE, "no-browser")


@lru_cache(maxsize=4096)
def is_robot(user_agent: str) -> bool:
    """Whether a list of crawlers knows `user_agent`; asked only for what `agents` does not know."""
    return bool(user_agent) and bool(_detector.isCrawler(user_agent))
