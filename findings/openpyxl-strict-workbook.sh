#!/bin/sh
# openpyxl 3.1.5 opens a workbook of the Strict conformance class (ISO/IEC 29500-1; Excel: Save as, "Strict Open XML
# Spreadsheet") as one without any sheet: no error, a warning about "an invalid specification for 0" at most. A program that
# imports customers from it reports success and nobody. Other spreadsheet readers (LibreOffice, Excel) show the rows.
#
# Seen, with a transitional workbook of two rows and the same one with the strict namespaces in place of the transitional:
#   transitional: ['Sheet'] [['external_id'], [42]]
#   strict: [] []
# Expected: the rows, or an exception. Fails when that changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check openpyxl==3.1.5
cat > "$dir/strict.py" <<'PY'
import io
import warnings
import zipfile

from openpyxl import Workbook, load_workbook

warnings.simplefilter("ignore")
STRICT = {
    b"http://schemas.openxmlformats.org/spreadsheetml/2006/main": b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    b"http://schemas.openxmlformats.org/officeDocument/2006/relationships": b"http://purl.oclc.org/ooxml/officeDocument/relationships",
}
book = Workbook()
book.active.append(["external_id"])
book.active.append([42])
plain, strict = io.BytesIO(), io.BytesIO()
book.save(plain)
with zipfile.ZipFile(plain) as old, zipfile.ZipFile(strict, "w", zipfile.ZIP_DEFLATED) as new:
    for name in old.namelist():
        data = old.read(name)
        for transitional, other in STRICT.items():
            data = data.replace(transitional, other)
        new.writestr(name, data)


def seen(stream):
    found = load_workbook(stream)
    return found.sheetnames, [list(row) for sheet in found.worksheets for row in sheet.iter_rows(values_only=True)]


first, second = seen(plain), seen(strict)
print("transitional:", *first)
print("strict:", *second)
assert first == (["Sheet"], [["external_id"], [42]])
assert second == ([], [])
PY
"$dir/venv/bin/python" "$dir/strict.py"
