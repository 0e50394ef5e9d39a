"""Uploaded files in S3, against a server of its kind on this machine."""

import io
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import boto3
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from moto.server import ThreadedMotoServer
from PIL import Image

from config import media
from config.backups import media as copies


@pytest.fixture
def bucket(settings, monkeypatch):
    """A bucket of its own, and Almanac told of it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "BUCKET": "shop", "ENDPOINT": f"http://{host}:{port}", "REGION": "us-east-1", "ACCESS_KEY": "a",
        "SECRET_KEY": "b", "PREFIX": "almanac",
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(f"ALMANAC_MEDIA_{name}", value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    client.create_bucket(Bucket="shop")
    settings.STORAGES = {**settings.STORAGES, "default": media.storage()}
    yield client
    urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
    server.stop()


def keys(client):
    return sorted(one["Key"] for one in client.list_objects_v2(Bucket="shop").get("Contents", []))


def picture() -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(kept, "PNG")
    return kept.getvalue()


@pytest.mark.django_db
def test_a_picture_and_its_renditions_live_in_the_bucket_and_are_answered_here(bucket):
    from cms.models import Picture

    made = Picture.objects.create(title="Red", file=ContentFile(picture(), "réd.png"))
    small = made.get_rendition("width-10")
    assert len(keys(bucket)) == 2
    assert all(key.startswith("almanac/") for key in keys(bucket))
    for file in (made.file, small.file):
        assert urlsplit(file.url).netloc == "", "the same origin, whatever the bucket is called"
        answer = Client().get(file.url)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "image/png"
        assert b"".join(answer.streaming_content).startswith(b"\x89PNG")
    assert Client().get("/media/original_images/none.png").status_code == 404
    assert Client().get("/media/../secret_key").status_code in {400, 404}


@pytest.mark.django_db
def test_a_backup_holds_the_bucket_and_puts_it_back(bucket, tmp_path):
    for name in ("a/one.txt", "a/b/two.txt", "three.txt"):
        default_storage.save(name, ContentFile(name.encode()))
    assert copies.save(tmp_path / "media.tar") == 3
    for key in keys(bucket):
        bucket.delete_object(Bucket="shop", Key=key)
    bucket.put_object(Bucket="shop", Key="almanac/three.txt", Body=b"changed")
    assert copies.put_back(tmp_path / "media.tar") == 3
    assert keys(bucket) == ["almanac/a/b/two.txt", "almanac/a/one.txt", "almanac/three.txt"]
    with default_storage.open("three.txt") as file:
        assert file.read() == b"three.txt"


def test_without_a_bucket_it_is_a_folder(monkeypatch):
    monkeypatch.delenv("ALMANAC_MEDIA_BUCKET", raising=False)
    assert media.storage() == media.FOLDER
