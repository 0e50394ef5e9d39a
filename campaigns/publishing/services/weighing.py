"""Weighing refusals: one is judged by its words, but the same one to several unlike domains in a row is the account's.

A provider answers one by one and knows nothing of the answer before. Here, between the answers and the ledger, they are seen
together, also across slices (`RefusalTrail`): before anything is closed or finally rejected. The rules, for one run:

- The same words (without addresses, hosts and ids) to `UNLIKE` unlike domains in a row, with nothing accepted in between, are
  the account's whatever they are: the rows wait with the account, and those that an earlier slice rejected come back.
- What blames the account or a policy stops the account at once, for it may be everybody's.
- If the account then goes on well, the same words are the recipients' own from there on, as long as they stay few (`FEW` of what
  was accepted). So one mailbox that no server lets us reach does not stop a campaign every minute.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from campaigns.publishing.models import Attempt, Delivery, RefusalTrail
from campaigns.publishing.services import closings, likeness
from campaigns.publishing.states import DELIVERY, DeliveryState
from channels.base import Blame, Channel, Outcome, Result
from channels.refusals import sentence_of
from core import clock
from core.signing import keyed_hash

UNLIKE = 3
DUPLICATE = "duplicate_content"
FEW = 0.05
MOST_MEMBERS = 500
TRIES_TO_BELIEVE = 3
"""When nobody else is left to ask, a refusal that was repeated so often is believed."""
ASKED_AGAIN = timedelta(minutes=2)
"""What was refused in a row is asked again so much later than the others, so that the account is tried with somebody else."""
OF_A_DEVICE = frozenset({"SENDER_ID_MISMATCH"})
"""Push has no domains: a token that belongs to another sender is one more unlike recipient. Uninstalled apps are nobody's."""
OUR_OWN = frozenset({"render", "part", "address", "smtputf8"})
"""Codes of rejections that no server gave."""
SECOND_LEVEL = frozenset(
    {"ac", "co", "com", "edu", "gov", "go", "gob", "gouv", "mil", "ne", "net", "nom", "or", "org", "sch"}
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom an answer is about."""

    delivery_id: int
    address: str
    tries: int

    @classmethod
    def of(cls, delivery: Delivery) -> "Asked":
        """As the delivery stands."""
        address = delivery.endpoint.address if delivery.endpoint else ""
        return cls(delivery.pk, address, delivery.attempts_made)


class Weighed(dict[int, Outcome]):
    """Outcomes by delivery id as they stand; `cleared` are deliveries whose addresses are not closed after all."""

    def __init__(self, outcomes: Mapping[int, Outcome]) -> None:
        super().__init__(outcomes)
        self.cleared: list[int] = []

    def only(self, delivery_ids: Collection[int]) -> "Weighed":
        """The same with fewer outcomes."""
        fewer = Weighed({pk: outcome for pk, outcome in self.items() if pk in delivery_ids})
        fewer.cleared = self.cleared
        return fewer


@dataclass(slots=True)
class _Trail:
    """The trail in hand; `row` is None until there is something to keep."""

    row: RefusalTrail
    changed: bool = False
    judged_here: list[int] = field(default_factory=list)

    def over(self) -> None:
        """Something was accepted: the row of equal refusals has ended, and whatever stopped the account is over."""
        row = self.row
        if row.accused and row.accused not in row.acquitted:
            row.acquitted = [*row.acquitted, row.accused][-20:]
        if row.accused or row.domains:
            row.accused, row.sentence, row.domains, row.members = "", "", [], []
            self.changed = True
        self.judged_here.clear()

    def add(self, sentence: str, domain: str, delivery_id: int) -> None:
        row = self.row
        if row.sentence != sentence:
            row.sentence, row.domains, row.members = sentence, [], []
            self.judged_here.clear()
        if domain not in row.domains:
            row.domains = [*row.domains, domain][-50:]
        row.members = [*row.members, delivery_id][-MOST_MEMBERS:]
        self.judged_here.append(delivery_id)
        self.changed = True


def weigh(
    run_id: int,
    channel: str,
    asked: Mapping[int, Asked],
    answers: Mapping[int, Outcome],
    now: datetime,
    *,
    late: bool = False,
) -> Weighed:
    """`answers` by delivery id, in the order in which they came, as they stand once they were seen together.

    To be called in the transaction that settles them, before they are written; `close_later` ends it. Earlier rows that were
    rejected for the same come back to `pending` here. `late`: the answers are older than what was seen since and no lease
    holds them, so they accuse, but acquit nobody and bring nothing back.

    Whoever locks more than one of them locks in this order: chunk, trail, account, deliveries, closings, run.
    """
    found = _had_arrived(answers) if channel == Channel.SOCIAL else Weighed(answers)
    if not any(_is_refusal(outcome, channel) for outcome in answers.values()):
        if not late and any(outcome.result == Result.ACCEPTED for outcome in answers.values()):
            _all_well(run_id)
        return found
    RefusalTrail.objects.get_or_create(run_id=run_id)
    trail = _Trail(RefusalTrail.objects.select_for_update().get(run_id=run_id))
    for delivery_id, outcome in answers.items():
        if outcome.result == Result.ACCEPTED and not late:
            trail.over()
        elif _is_refusal(outcome, channel):
            sentence = _sentence(outcome)
            trail.add(sentence, _domain(channel, asked[delivery_id].address), delivery_id)
            if outcome.blame in {Blame.ACCOUNT, Blame.POLICY}:
                found[delivery_id] = _accounts(run_id, trail, sentence, outcome)
    if len(trail.row.domains) >= UNLIKE:
        _in_a_row(run_id, trail, asked, found, now, bring_back=not late)
    if trail.changed:
        trail.row.changed_at = now
        trail.row.save()
    return found


def _had_arrived(answers: Mapping[int, Outcome]) -> Weighed:
    """A post refused as a duplicate whose own earlier try was never answered: that try had arrived. If another post of ours
    with the same words may stand there, the refusal may be about that one, and the earlier try stays in doubt."""
    found = Weighed(answers)
    for delivery_id, outcome in answers.items():
        if outcome.result == Result.REJECTED and outcome.code == DUPLICATE:
            lost = Attempt.objects.filter(delivery=delivery_id, outcome__in=["lost", Result.AMBIGUOUS])
            if lost.exists():
                post = Delivery.objects.select_related("publication").get(pk=delivery_id)
                result = Result.ACCEPTED if likeness.stands_alone(post) else Result.AMBIGUOUS
                found[delivery_id] = replace(outcome, result=result, blame=Blame.NOTHING)
    return found


def close_later(run_id: int, channel: str, keys: Mapping[int, str], weighed: Weighed) -> int:
    """Note the addresses that `weighed` calls dead, to be closed later, and forget those that it cleared; `keys` are
    recipient keys. To be called when the deliveries are written: who reads events locks in that order too."""
    closings.forget(weighed.cleared)
    return closings.note(
        run_id,
        channel,
        [
            closings.Dead(delivery_id, keys[delivery_id], closings.Closing.Cause.REFUSED, outcome.code, outcome.detail)
            for delivery_id, outcome in weighed.items()
            if outcome.result == Result.REJECTED and outcome.blame == Blame.ENDPOINT
        ],
    )


def _is_refusal(outcome: Outcome, channel: str) -> bool:
    """An answer about one recipient that may speak of the account: not what we refused ourselves, and no call that failed."""
    if outcome.result == Result.RETRY:
        return outcome.personal and outcome.blame in {Blame.ACCOUNT, Blame.POLICY}
    if outcome.result != Result.REJECTED:
        return False
    if channel == Channel.PUSH:
        return outcome.code in OF_A_DEVICE
    return channel == Channel.EMAIL and outcome.code not in OUR_OWN


def _sentence(outcome: Outcome) -> str:
    return sentence_of(outcome.detail)[:500] or outcome.code


def _domain(channel: str, address: str) -> str:
    """The domain that somebody registered, hashed: unlike ones differ. A device is a domain of its own."""
    if channel != Channel.EMAIL:
        return keyed_hash("publishing.refusal-domain", address)[:16]
    labels = address.rpartition("@")[2].lower().rstrip(".").split(".")
    size = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SECOND_LEVEL else 2
    return keyed_hash("publishing.refusal-domain", ".".join(labels[-size:]))[:16]


def _all_well(run_id: int) -> None:
    """Nothing was refused and something accepted. Nearly always there is no trail, and this is one look."""
    for row in RefusalTrail.objects.select_for_update().filter(run_id=run_id).exclude(domains=[], accused=""):
        trail = _Trail(row)
        trail.over()
        row.save()


def _accounts(run_id: int, trail: _Trail, sentence: str, outcome: Outcome) -> Outcome:
    """What blames the account or a policy: everybody's, unless the account was seen to go on well after the same words."""
    if sentence in trail.row.acquitted and len(trail.row.domains) < UNLIKE and _are_few(run_id, trail):
        return replace(outcome, blame=Blame.NOTHING)
    trail.row.accused = sentence
    trail.changed = True
    return replace(outcome, blame=Blame.ACCOUNT)


def _in_a_row(
    run_id: int, trail: _Trail, asked: Mapping[int, Asked], found: Weighed, now: datetime, *, bring_back: bool
) -> None:
    """Several unlike domains in a row, the last of them just now: take back what was judged by words."""
    row = trail.row
    here = [delivery_id for delivery_id in trail.judged_here if delivery_id in found]
    believed = row.sentence in row.acquitted or all(
        asked[delivery_id].tries >= TRIES_TO_BELIEVE for delivery_id in here
    )
    if believed and _are_few(run_id, trail):
        return
    row.accused = row.sentence
    trail.changed = True
    for delivery_id in here:
        found[delivery_id] = replace(
            found[delivery_id], result=Result.RETRY, blame=Blame.ACCOUNT, retry_at=clock.now() + ASKED_AGAIN
        )
    found.cleared += row.members
    if not bring_back:
        return
    earlier = [delivery_id for delivery_id in row.members if delivery_id not in found]
    DELIVERY.move_all(
        Delivery.objects.filter(pk__in=earlier, run_id=run_id, reason__in=["endpoint", "refused"]),
        "reconsider",
        reason="account",
        next_at=now + ASKED_AGAIN,
        changed_at=now,
    )


def _are_few(run_id: int, trail: _Trail) -> bool:
    accepted = Delivery.objects.filter(run_id=run_id, state=DeliveryState.ACCEPTED).count()
    return len(set(trail.row.members)) <= accepted * FEW
