#!/bin/sh
# holidays 0.108 has Diwali of 2028 a month late for Singapore and for Trinidad and Tobago, and Holi of 2029 a month late for
# Suriname: 15 November 2028 and 28 March 2029. Diwali is the new moon of Kartik (18 October 2028, 02:57 UT), Holi a full moon
# (28 February 2029, 17:10 UT; there is none on 28 March). The library's own table for India has the right days.
#
# Seen:
#   IN diwali 2028-10-17, SG 2028-11-15, TT 2028-11-15
#   IN holi 2029-03-01, SR 2029-03-28
# Expected: at most a day apart. Fails when that changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check holidays==0.108
"$dir/venv/bin/python" - <<'PY'
import holidays
from holidays.calendars import _HinduLunisolar


def day(country, year, word):
    found = holidays.country_holidays(country, years=year, language="en_US")
    return next(str(day) for day, name in found.items() if word in name)


hindu = _HinduLunisolar()
diwali, holi = str(hindu.diwali_india_date(2028)[0]), str(hindu.holi_date(2029)[0])
seen = [diwali, day("SG", 2028, "Diwali"), day("TT", 2028, "Diwali"), holi, day("SR", 2029, "Holi")]
print(seen)
assert seen == ["2028-10-17", "2028-11-15", "2028-11-15", "2029-03-01", "2029-03-28"], seen
PY
