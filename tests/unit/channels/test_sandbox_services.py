"""SendGrid, X and FCM as the sandbox plays them, spoken to by the official clients."""

import http.client
import io
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import google.auth.transport.requests
import pytest
import tweepy
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account
from PIL import Image
from python_http_client.exceptions import HTTPError as SendGridError
from sendgrid import SendGridAPIClient
from sendgrid.helpers.eventwebhook import EventWebhook
from sendgrid.helpers.mail import Content, CustomArg, From, Header, Mail, Personalization, Substitution, To


class Webhook:
    """A place where events are posted; the first `refuse` calls are answered with 503."""

    def __init__(self, refuse=0):
        self.calls = []
        refused = [refuse]
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if refused[0]:
                    refused[0] -= 1
                    self.send_response(503)
                else:
                    calls.append((dict(self.headers), body))
                    self.send_response(204)
                self.end_headers()

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/account/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self):
        return [event for _, body in self.calls for event in json.loads(body)]

    def wait_for(self, count, seconds=10):
        end = time.monotonic() + seconds
        while len(self.events()) < count:
            assert time.monotonic() < end, self.events()
            time.sleep(0.05)
        return self.events()


@pytest.fixture
def webhook(sandbox):
    place = Webhook()
    sandbox.set(sendgrid_webhook=place.url)
    yield place
    place.server.shutdown()
    place.server.server_close()


def mail_to(*people):
    mail = Mail(from_email=From("news@shop.example", "Shop"), subject="Hello -name-")
    mail.add_content(Content("text/plain", "Dear -name-"))
    mail.add_content(Content("text/html", "<p>Dear -name-</p>"))
    for number, address in reversed(list(enumerate(people))):  # the client puts the last one first
        person = Personalization()
        person.add_to(To(address))
        person.add_substitution(Substitution("-name-", f"N{number}"))
        person.add_custom_arg(CustomArg("almanac_ref", f"d{number}"))
        person.add_header(Header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
        mail.add_personalization(person)
    return mail


def sendgrid(running, key=""):
    settings = running.account_settings("sendgrid")
    return SendGridAPIClient(api_key=key or settings["api_key"], host=settings["base_url"])


def test_sendgrid_takes_what_the_official_client_sends(sandbox):
    response = sendgrid(sandbox).send(mail_to("anna@mail.example", "bert@mail.example"))
    assert response.status_code == 202 and response.headers["X-Message-Id"]
    anna, bert = sandbox.arrivals("sendgrid")
    assert [(it.recipient, it.ref, it.subject) for it in (anna, bert)] == [
        ("anna@mail.example", "d0", "Hello N0"),
        ("bert@mail.example", "d1", "Hello N1"),
    ]
    assert anna.payload_id == bert.payload_id
    assert json.loads(sandbox.raw(anna))["content"][1]["value"] == "<p>Dear -name-</p>"


def test_sendgrid_refuses_a_wrong_key(sandbox):
    with pytest.raises(SendGridError) as error:
        sendgrid(sandbox, key="SG.wrong").send(mail_to("anna@mail.example"))
    assert error.value.status_code == 401 and sandbox.count() == 0


def broken(change):
    mail = mail_to("anna@mail.example").get()
    change(mail)
    return mail


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda mail: mail.pop("from"), "from.email"),
        (lambda mail: mail.pop("subject"), "subject"),
        (lambda mail: mail.pop("content"), "content"),
        (lambda mail: mail["content"].reverse(), "content"),
        (lambda mail: mail["content"][0].update(value=""), "content.0.value"),
        (lambda mail: mail.update(personalizations=[]), "personalizations"),
        (lambda mail: mail.update(personalizations=mail["personalizations"] * 1001), "personalizations"),
        (lambda mail: mail.update(idempotency_key="x"), "idempotency_key"),
        (lambda mail: mail["personalizations"][0].pop("to"), "personalizations.0.to"),
        (lambda mail: mail["personalizations"][0]["to"].append({"email": "nobody"}), "personalizations.0.to.1.email"),
        (lambda mail: mail["personalizations"][0].update(custom_args={"a": 1}), "personalizations.0.custom_args"),
        (
            lambda mail: mail["personalizations"][0].update(substitutions={"a": "x" * 10000}),
            "personalizations.0.substitutions",
        ),
        (lambda mail: mail["personalizations"][0]["headers"].update({"To": "x"}), "personalizations.0.headers.To"),
        (lambda mail: mail.update(headers={"X-A": "a\r\nBcc: b"}), "headers.X-A"),
    ],
)
def test_sendgrid_keeps_its_rules(sandbox, change, field):
    with pytest.raises(SendGridError) as error:
        sendgrid(sandbox).client.mail.send.post(request_body=broken(change))
    assert error.value.status_code == 400
    assert json.loads(error.value.body)["errors"][0]["field"] == field
    assert sandbox.count() == 0


def test_events_are_signed_and_carry_our_reference(sandbox, webhook):
    sendgrid(sandbox).send(mail_to("anna@mail.example", "bounce@mail.example"))
    events = webhook.wait_for(4)
    assert [(event["event"], event["almanac_ref"]) for event in events] == [
        ("processed", "d0"),
        ("delivered", "d0"),
        ("processed", "d1"),
        ("bounce", "d1"),
    ]
    assert len({event["sg_event_id"] for event in events}) == 4
    checker = EventWebhook(sandbox.account_settings("sendgrid")["webhook_public_key"])
    for headers, body in webhook.calls:
        signature = headers["X-Twilio-Email-Event-Webhook-Signature"]
        timestamp = headers["X-Twilio-Email-Event-Webhook-Timestamp"]
        assert checker.verify_signature(body.decode(), signature, timestamp)
        assert not checker.verify_signature(body.decode() + " ", signature, timestamp)


def test_what_bounced_once_is_dropped_from_then_on(sandbox, webhook):
    for _ in range(2):
        sendgrid(sandbox).send(mail_to("bounce@mail.example"))
    assert [event["event"] for event in webhook.wait_for(3)] == ["processed", "bounce", "dropped"]
    assert [arrival.state for arrival in sandbox.arrivals()] == ["bounced", "dropped"]


def test_events_are_posted_until_they_are_taken(sandbox):
    place = Webhook(refuse=2)
    sandbox.set(sendgrid_webhook=place.url)
    sendgrid(sandbox).send(mail_to("anna@mail.example"))
    assert len(place.wait_for(2, seconds=15)) == 2
    place.server.shutdown()
    place.server.server_close()


def test_events_outlive_sigkill(sandbox):
    sandbox.set(sendgrid_webhook="http://127.0.0.1:9/")  # nobody listens there
    sendgrid(sandbox).send(mail_to("anna@mail.example"))
    sandbox.kill()
    sandbox.start()
    assert sandbox.control("GET", "state")["pending_events"] == 2


def test_a_spam_report_on_request(sandbox, webhook):
    sendgrid(sandbox).send(mail_to("anna@mail.example"))
    webhook.wait_for(2)
    (arrival,) = sandbox.arrivals()
    sandbox.control("POST", "events", {"arrival": arrival.id, "event": "spamreport"})
    assert [(event["event"], event["almanac_ref"]) for event in webhook.wait_for(3)][-1] == ("spamreport", "d0")


def test_the_sandbox_calls_this_machine_only(sandbox):
    with pytest.raises(AssertionError, match="this machine only"):
        sandbox.set(sendgrid_webhook="https://shop.example/hooks/")


def test_browsers_may_not_turn_the_knobs(sandbox):
    request = Request(
        f"{sandbox.base_url}/_sandbox/faults", method="DELETE", headers={"Origin": "https://evil.example"}
    )
    with pytest.raises(HTTPError) as error:
        urlopen(request, timeout=5)
    assert error.value.code == 403


def test_http_faults(sandbox):
    client = sendgrid(sandbox)
    sandbox.fail("sendgrid", status=429, retry_after=7)
    with pytest.raises(SendGridError) as error:
        client.send(mail_to("anna@mail.example"))
    assert error.value.status_code == 429 and error.value.headers["Retry-After"] == "7"
    assert sandbox.count() == 0
    sandbox.fail("sendgrid", close=True)
    with pytest.raises((http.client.HTTPException, OSError)):
        client.send(mail_to("anna@mail.example"))
    assert sandbox.count() == 1
    sandbox.fail("sendgrid", after=1, status=503, match="bert@")
    assert client.send(mail_to("bert@mail.example")).status_code == 202
    assert client.send(mail_to("anna@mail.example")).status_code == 202
    with pytest.raises(SendGridError):
        client.send(mail_to("bert@mail.example"))
    sandbox.fail("sendgrid", status=500, times=100)
    sandbox.heal()
    assert client.send(mail_to("bert@mail.example")).status_code == 202


# --- X ---------------------------------------------------------------------------------------------------------------


class Session:
    """tweepy has its host built in: requests go to the sandbox before they are signed."""

    def __new__(cls, base_url):
        import requests

        class Redirected(requests.Session):
            def request(self, method, url, **options):
                return super().request(method, url.replace("https://api.twitter.com", base_url), **options)

        return Redirected()


def x_client(running, **other):
    settings = {**running.account_settings("x"), **other}
    base_url = settings.pop("base_url")
    client = tweepy.Client(**settings)
    client.session = Session(base_url)
    return client


def upload(client, base_url, **fields):
    from requests_oauthlib import OAuth1

    keys = (client.consumer_key, client.consumer_secret, client.access_token, client.access_token_secret)
    picture = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(picture, "PNG")
    return client.session.post(
        f"{base_url}/2/media/upload",
        data={"media_category": "tweet_image", **fields},
        files={"media": ("a.png", picture.getvalue(), "image/png")},
        auth=OAuth1(*keys),
        timeout=10,
    ), picture.getvalue()


def test_a_post_with_a_picture(sandbox):
    client = x_client(sandbox)
    assert client.get_me(user_auth=True).data.username == "hearthandlinen"
    answer, content = upload(client, sandbox.base_url)
    media_id = answer.json()["data"]["id"]
    post = client.create_tweet(text="Linen days: https://shop.example/linen", media_ids=[media_id])
    (arrival,) = sandbox.arrivals("x")
    assert arrival.provider_id == post.data["id"]
    assert arrival.detail == {"text": "Linen days: https://shop.example/linen", "media": [media_id]}
    from channels.sandbox.store import Store

    store = Store(sandbox.folder / "arrivals.sqlite3", read_only=True)
    assert (store.media(media_id).content, store.media(media_id).mime_type) == (content, "image/png")
    store.close()
    timeline = client.get_users_tweets("1589000000000000001", user_auth=True, max_results=5)
    assert timeline.data[0].text == "Linen days: https://shop.example/linen"


def test_a_picture_in_pieces(sandbox):
    client = x_client(sandbox)
    sign = client.session
    answer, _ = upload(client, sandbox.base_url, command="INIT", media_type="image/png", total_bytes="8")
    media_id = answer.json()["data"]["id"]
    upload(client, sandbox.base_url, command="APPEND", media_id=media_id, segment_index="0")
    done, content = upload(client, sandbox.base_url, command="FINALIZE", media_id=media_id)
    assert done.json()["data"]["size"] == len(content)
    sign.close()


def test_the_same_text_twice_is_refused(sandbox):
    client = x_client(sandbox)
    client.create_tweet(text="once")
    with pytest.raises(tweepy.Forbidden, match="duplicate content"):
        client.create_tweet(text="once")
    assert sandbox.count("x") == 1


@pytest.mark.parametrize("wrong", ["consumer_secret", "access_token_secret", "access_token"])
def test_a_wrong_signature_is_refused(sandbox, wrong):
    with pytest.raises(tweepy.Unauthorized):
        x_client(sandbox, **{wrong: "other"}).create_tweet(text="hello")
    assert sandbox.count() == 0


def test_too_long_and_unknown_pictures(sandbox):
    client = x_client(sandbox)
    for bad in ({"text": "x" * 281}, {"text": "新" * 141}, {"text": "a", "media_ids": ["1"]}):
        with pytest.raises(tweepy.BadRequest):
            client.create_tweet(**bad)


@pytest.mark.parametrize(
    ("text", "weight"),  # by npm twitter-text 3.1.0
    [
        ("立即抢购https://shop.com/sale，全场五折" + "抢" * 119, 279),
        ("立即抢购https://shop.com/sale，全场五折" + "抢" * 120, 281),
        ("x" * 257 + " README.md", 281),
        ("x" * 256 + " README.md", 280),
        ("x" * 261 + " https://shop.kids/a", 281),
    ],
)
def test_a_post_is_weighed_as_x_does(sandbox, text, weight):
    client = x_client(sandbox)
    if weight <= 280:
        assert client.create_tweet(text=text).data["text"] == text
    else:
        with pytest.raises(tweepy.BadRequest, match="too long"):
            client.create_tweet(text=text)


def test_a_post_read_back_tells_its_links_as_x_ends_them(sandbox):
    client = x_client(sandbox)
    client.create_tweet(text="立即抢购https://shop.com/sale，全场五折。README.md")
    (post,) = client.get_users_tweets(client.get_me().data.id, tweet_fields=["entities"], user_auth=True).data
    assert [(url["start"], url["end"], url["url"]) for url in post.entities["urls"]] == [
        (4, 25, "https://shop.com/sale"),
        (31, 40, "README.md"),
    ]


# --- FCM -------------------------------------------------------------------------------------------------------------


def fcm_session(running, **change):
    info = {**json.loads(running.account_settings("fcm")["service_account"]), **change}
    credentials = service_account.Credentials.from_service_account_info(
        info, scopes=["https://www.googleapis.com/auth/firebase.messaging"]
    )
    return google.auth.transport.requests.AuthorizedSession(credentials)


def push(running, session, message):
    url = f"{running.base_url}/v1/projects/almanac-sandbox/messages:send"
    return session.post(url, json={"message": message}, timeout=10)


def test_a_notification(sandbox):
    session = fcm_session(sandbox)
    message = {"token": "device-1", "notification": {"title": "Now", "body": "b"}, "data": {"almanac_ref": "d1"}}
    answer = push(sandbox, session, message)
    (arrival,) = sandbox.arrivals("fcm")
    assert answer.json()["name"] == arrival.provider_id
    assert (arrival.recipient, arrival.ref, arrival.subject) == ("device-1", "d1", "Now")


def test_what_fcm_refuses(sandbox):
    session = fcm_session(sandbox)
    dead = push(sandbox, session, {"token": "dead-1", "notification": {"title": "Now"}})
    assert dead.status_code == 404
    assert dead.json()["error"]["details"][0]["errorCode"] == "UNREGISTERED"
    for bad in (
        {"token": "a", "topic": "b"},
        {"token": "a", "data": {"n": 1}},
        {"token": "a", "data": {"n": "x" * 5000}},
    ):
        assert push(sandbox, session, bad).status_code == 400
    assert sandbox.count() == 0


def test_fcm_signs_nobody_else_in(sandbox, tmp_path):
    from channels.sandbox.keys import kept

    other = kept(tmp_path / "other.json").fcm_private_key
    with pytest.raises(RefreshError):
        push(sandbox, fcm_session(sandbox, private_key=other), {"token": "a"})
    import requests

    assert push(sandbox, requests.Session(), {"token": "a"}).status_code == 401
