#!/usr/bin/env bash
# PyPI crawlerdetect 0.4.2 says that people's mail programs and browsers are crawlers, and that previews are not.
#
# Its list holds "Microsoft Outlook", "Outlook-iOS", "MacOutlook/", "Seznam" and "libwww", so every picture that Outlook loads,
# every page in Seznam's app and every page in Lynx comes from a crawler; Bluesky's card fetcher, Perplexity's fetcher
# and Viber's link previews come from people.
#
# Seen, with Python 3.13:
#   True  Outlook-iOS/709.2226530.prod.iphone (3.24.1)
#   True  MacOutlook/16.89.24090815 (Intelx64 Mac OS X 14.6.1 (Build 23G93))
#   True  Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)
#   True  Lynx/2.9.0dev.12 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.7.8
#   False Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app) …
#   False Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Perplexity-User/1.0; …)
#   False Viber/13.3.0.5 CFNetwork/1128.0.1 Darwin/19.6.0
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check crawlerdetect==0.4.2
"$folder/venv/bin/python" - <<'PYTHON'
from crawlerdetect import CrawlerDetect

LIKE = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
PEOPLE = [
    "Outlook-iOS/709.2226530.prod.iphone (3.24.1)",
    "MacOutlook/16.89.24090815 (Intelx64 Mac OS X 14.6.1 (Build 23G93))",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)",
    "Lynx/2.9.0dev.12 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.7.8",
]
MACHINES = [
    LIKE + "Bluesky Cardyb/1.1; +mailto:support@bsky.app) Chrome/100.0 Safari/537.36",
    LIKE + "Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)",
    "Viber/13.3.0.5 CFNetwork/1128.0.1 Darwin/19.6.0",
]
detector = CrawlerDetect()
for agent in PEOPLE + MACHINES:
    print(bool(detector.isCrawler(agent)), agent)
assert all(detector.isCrawler(agent) for agent in PEOPLE)
assert not any(detector.isCrawler(agent) for agent in MACHINES)
PYTHON
