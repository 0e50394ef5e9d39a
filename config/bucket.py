"""The S3 bucket as Almanac uses it; needs the extra ``almanac[s3]``."""

from urllib.parse import urljoin

from django.conf import settings
from django.utils.encoding import filepath_to_uri
from storages.backends.s3 import S3Storage


class Bucket(S3Storage):
    """A private bucket: its files are reached through Almanac (`config.media.view`)."""

    def url(self, name: str, parameters: object = None, expire: object = None, http_method: object = None) -> str:
        """The address below ``MEDIA_URL``, which never expires."""
        return urljoin(settings.MEDIA_URL, filepath_to_uri(name).lstrip("/"))
