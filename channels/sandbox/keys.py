"""What the sandbox's services would have given a customer: passwords, API keys, key pairs. Made once, at the first start."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

FCM_PROJECT = "almanac-sandbox"
FCM_CLIENT = f"almanac@{FCM_PROJECT}.iam.gserviceaccount.com"
X_HANDLE = "hearthandlinen"
X_USER_ID = "1589000000000000001"


@dataclass(frozen=True, slots=True)
class Keys:
    """Every secret of the sandbox. They open nothing outside."""

    smtp_user: str
    smtp_password: str
    sendgrid_api_key: str
    sendgrid_private_key: str
    x_consumer_key: str
    x_consumer_secret: str
    x_access_token: str
    x_access_token_secret: str
    fcm_private_key: str
    fcm_private_key_id: str
    fcm_token_secret: str

    @property
    def sendgrid_public_key(self) -> str:
        """As SendGrid shows it under Mail Settings: base64 of the DER, on one line."""
        key = serialization.load_pem_private_key(self.sendgrid_private_key.encode(), None)
        der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    def sign_events(self, timestamp: str, body: bytes) -> str:
        """SendGrid's signature of a webhook call: ECDSA P-256 over timestamp and raw body, base64 of the DER."""
        key = serialization.load_pem_private_key(self.sendgrid_private_key.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return base64.b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()

    def service_account(self, base_url: str) -> dict[str, Any]:
        """The file that Google gives for a service account; its tokens come from the sandbox."""
        return {
            "type": "service_account",
            "project_id": FCM_PROJECT,
            "private_key_id": self.fcm_private_key_id,
            "private_key": self.fcm_private_key,
            "client_email": FCM_CLIENT,
            "client_id": "100000000000000000001",
            "auth_uri": f"{base_url}/auth",
            "token_uri": f"{base_url}/token",
        }

    def account_settings(self, provider: str, *, smtp_port: int, http_port: int) -> dict[str, Any]:
        """`settings` for a channel account of `provider` (smtp, sendgrid, x, fcm) that points at the sandbox."""
        base_url = f"http://127.0.0.1:{http_port}"
        match provider:
            case "smtp":
                return {"host": "127.0.0.1", "port": smtp_port, "security": "none", "username": "", "password": ""}
            case "sendgrid":
                return {
                    "api_key": self.sendgrid_api_key,
                    "webhook_public_key": self.sendgrid_public_key,
                    "base_url": base_url,
                }
            case "x":
                return {
                    "consumer_key": self.x_consumer_key,
                    "consumer_secret": self.x_consumer_secret,
                    "access_token": self.x_access_token,
                    "access_token_secret": self.x_access_token_secret,
                    "base_url": base_url,
                }
            case "fcm":
                return {"service_account": json.dumps(self.service_account(base_url)), "base_url": base_url}
        raise ValueError(f"The sandbox plays smtp, sendgrid, x and fcm, not {provider}.")


def kept(path: Path) -> Keys:
    """The keys in the file at `path`, made when there is none; only its owner may read it."""
    if path.exists():
        return Keys(**json.loads(path.read_text()))
    made = _made()
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    scratch.touch(mode=0o600)
    scratch.write_text(json.dumps(asdict(made)))
    try:
        os.link(scratch, path)  # the first of two processes wins
    except FileExistsError:
        return Keys(**json.loads(path.read_text()))
    finally:
        scratch.unlink()
    return made


def _made() -> Keys:
    return Keys(
        smtp_user="sandbox",
        smtp_password=secrets.token_urlsafe(12),
        sendgrid_api_key=f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}",
        sendgrid_private_key=_pem(ec.generate_private_key(ec.SECP256R1())),
        x_consumer_key=secrets.token_urlsafe(18),
        x_consumer_secret=secrets.token_urlsafe(36),
        x_access_token=f"{X_USER_ID}-{secrets.token_urlsafe(24)}",
        x_access_token_secret=secrets.token_urlsafe(32),
        fcm_private_key=_pem(rsa.generate_private_key(65537, 2048)),
        fcm_private_key_id=secrets.token_hex(20),
        fcm_token_secret=secrets.token_urlsafe(32),
    )


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
