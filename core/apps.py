"""The shared ground of every room."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """Users, markets, tokens, and what every room needs."""

    name = "core"
    verbose_name = _("Installation")

    def ready(self) -> None:
        """What stands in everybody's way is asked of the installation first."""
        from core import clock, db, disk, installation, obstacles, retention

        db.trust_json()
        db.tell_who_waits()
        obstacles.register("installation", installation.obstacle)
        obstacles.register("disk", obstacles.told("disk_full", disk.sentence, passes=True))
        obstacles.register("clock", obstacles.told("clock_jumped", clock.jump_sentence))
        for policy in (
            retention.Policy(
                "api_replays",
                "core.IdempotencyRecord",
                "created_at",
                "ALMANAC_KEEP_REPLAYS_DAYS",
                _("answers kept for writes that are repeated with the same Idempotency-Key"),
            ),
            retention.Policy(
                "sessions", "sessions.Session", "expire_date", "ALMANAC_KEEP_SESSIONS_DAYS", _("sessions that are over")
            ),
            retention.Policy(
                "sign_ins",
                "axes.AccessLog",
                "attempt_time",
                "ALMANAC_KEEP_SIGN_INS_DAYS",
                _("who signed in, when and from where"),
            ),
            retention.Policy(
                "failed_sign_ins",
                "axes.AccessAttempt",
                "attempt_time",
                "ALMANAC_KEEP_SIGN_INS_DAYS",
                _("failed attempts to sign in"),
            ),
        ):
            retention.register(policy)
