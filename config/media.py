"""Uploaded files: a folder, or an S3 bucket by setting. Their addresses are the same with both.

A bucket stays closed to the world: Almanac reads it and answers below ``/media/``, so that pictures in messages that were sent
keep their address for years, whatever the bucket is called then, and no policy for foreign origins is needed.
"""

import mimetypes
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage, default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.utils.http import http_date
from django.views.static import serve

from config import env

FOLDER = {"BACKEND": "django.core.files.storage.FileSystemStorage"}


def storage() -> dict[str, Any]:
    """Django's STORAGES["default"], by ``ALMANAC_MEDIA_BUCKET`` and its companions."""
    bucket = env.text("ALMANAC_MEDIA_BUCKET", "")
    if not bucket:
        return FOLDER
    env.needs_extra("ALMANAC_MEDIA_BUCKET", "storages", "s3")
    env.needs_extra("ALMANAC_MEDIA_BUCKET", "boto3", "s3")
    options: dict[str, Any] = {
        "bucket_name": bucket,
        "endpoint_url": env.text("ALMANAC_MEDIA_ENDPOINT", "") or None,
        "region_name": env.text("ALMANAC_MEDIA_REGION", "") or None,
        # Without them: what the machine's role, or the usual AWS variables and files, say.
        "access_key": env.text("ALMANAC_MEDIA_ACCESS_KEY", "") or None,
        "secret_key": env.text("ALMANAC_MEDIA_SECRET_KEY", "") or None,
        "location": env.text("ALMANAC_MEDIA_PREFIX", ""),
        "file_overwrite": False,
        "default_acl": None,
    }
    return {"BACKEND": "config.bucket.Bucket", "OPTIONS": options}


def view(request: HttpRequest, path: str) -> HttpResponseBase:
    """One uploaded file."""
    if isinstance(default_storage._wrapped, FileSystemStorage):  # type: ignore[attr-defined]
        return serve(request, path, document_root=str(settings.MEDIA_ROOT))
    try:
        file = default_storage.open(path)
        changed = default_storage.get_modified_time(path)
    except (FileNotFoundError, SuspiciousFileOperation) as error:
        raise Http404(path) from error
    kind = mimetypes.guess_type(PurePosixPath(path).name)[0] or "application/octet-stream"
    return FileResponse(file, content_type=kind, headers={"Last-Modified": http_date(changed.timestamp())})
