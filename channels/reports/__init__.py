"""What mail servers report later: delivery status notifications (RFC 3464) and complaints (ARF, RFC 5965)."""

from channels.reports.boxes import check_inbox, empty, open_box
from channels.reports.reading import read

__all__ = ["check_inbox", "empty", "open_box", "read"]
