"""What a mail server's “no” means: whose fault it is, by its enhanced code where it has one, else by its words.

The rules are data (`*.csv` beside this file, every row with its source and the source's date); `judging` applies them. The
same table serves SMTP, the reports of an inbox (DSN) and providers' events. See docs/explanation/refusals.md.
"""

from channels.refusals.judging import Fault, Verdict, enhanced_code, judge, sentence_of

__all__ = ["Fault", "Verdict", "enhanced_code", "judge", "sentence_of"]
