"""The sandbox's own keys, made at its first start: one signs SendGrid's events, one is an app's service account."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


class Keys:
    """Private keys in the sandbox's folder, readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._events_path = folder / "sendgrid-events.pem"
        self._service_path = folder / "fcm-service-account.pem"

    @staticmethod
    def _kept(path: Path, make: Callable[[], Any]) -> bytes:
        if not path.exists():
            key = make()
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            path.touch(mode=0o600)
            path.write_bytes(pem)
        return path.read_bytes()

    @property
    def _events(self) -> ec.EllipticCurvePrivateKey:
        pem = self._kept(self._events_path, lambda: ec.generate_private_key(ec.SECP256R1()))
        key = serialization.load_pem_private_key(pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key

    @property
    def events_public(self) -> str:
        """The public key as SendGrid's settings show it: base64 of the DER form."""
        der = self._events.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(der).decode()

    def sign_events(self, timestamp: str, body: bytes) -> str:
        """SendGrid's signature over timestamp and body."""
        return base64.b64encode(self._events.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()

    def service_account(self, project: str, token_uri: str) -> str:
        """A service account's file as Google gives it, for the sandbox's token endpoint."""
        pem = self._kept(self._service_path, lambda: rsa.generate_private_key(65537, 2048)).decode()
        return json.dumps(
            {
                "type": "service_account",
                "project_id": project,
                "private_key_id": "sandbox",
                "private_key": pem,
                "client_email": f"almanac@{project}.iam.example",
                "client_id": "1",
                "token_uri": token_uri,
            }
        )
