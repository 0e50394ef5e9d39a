# ruff: noqa: E501 - an agent is one line
"""Who calls itself what: mail programs and browsers that lists of crawlers take for robots, and fetchers they do not know.

The table decides before any library. A row is a piece of the agent's name (in any case; ``^`` at its beginning: only there),
what such an agent is, where it is written, and an example. Written down on 2026-11-27 from

=====  ====================================================================================================
D      matomo-org/device-detector, commit 3856a2869 of 2026-08-19: its fixtures of bots, mail programs, readers
C      monperrus/crawler-user-agents, commit 7c7f9f2 of 2026-07-02
B      bluesky-social/social-app issues 6521 and 6538, 2024-11: what Cardyb calls itself
P      Perplexity's documentation, “Perplexity Crawlers”, read 2026-11-27
S      the source of the program itself, read 2026-11-27: LemmyNet/lemmy `request.rs`, Pleroma's rich media
I      Almanac's issue 6, 2026-11: what other tools' users reported; the name is theirs, the example ours
K      known from practice and found in none of the above: worth a second look when it matters
=====  ====================================================================================================
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Is(StrEnum):
    """What an agent is, in the order in which rows are asked."""

    PROXY = "proxy"
    """Fetches a mail's pictures on behalf of its reader, at opening or before."""

    MACHINE = "machine"
    """Previews, crawlers, scanners, assistants, programs."""

    MAIL = "mail"
    """A mail program: its opens are a person's; that it follows a link by itself proves nothing."""

    BROWSER = "browser"
    """A person's browser, also one inside an app."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One row."""

    kind: Is
    name: str
    source: str
    seen: str


def _rows(kind: Is, *rows: tuple[str, str, str]) -> tuple[Agent, ...]:
    return tuple(Agent(kind, *row) for row in rows)


_LIKE = "AppleWebKit/537.36 (KHTML, like Gecko"
_WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_LIKE})"
_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
)
_ANDROID = f"Mozilla/5.0 (Linux; Android 14; SM-A546B; wv) {_LIKE}) Version/4.0 Chrome/131.0.0.0 Mobile Safari/537.36"

AGENTS: tuple[Agent, ...] = (
    *_rows(
        Is.PROXY,
        ("GoogleImageProxy", "D", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"),
        ("ggpht.com", "D", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com)"),
        ("YahooMailProxy", "C", "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"),
        ("SeznamEmailProxy", "D", "Mozilla/5.0 SeznamEmailProxy/2.0.174"),
        ("mail.ukr.net proxy", "D", f"{_WINDOWS} Chrome/55.0.2883.87 Safari/537.36 (via secureurl.fwdcdn.com - mail.ukr.net proxy)"),
        ("^Proton", "I", "ProtonMail Image Proxy"),
        ("ImageProxy", "D", "RamblerMail/6.0 (incompatible; ImageProxy/6.0)"),
        ("Image-Proxy", "K", "Mozilla/5.0 (compatible; Mail-Image-Proxy/1.0)"),
        ("Image Proxy", "K", "Mozilla/5.0 (compatible; Mail Image Proxy/1.0)"),
        ("MailProxy", "D", "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"),
        ("^imgproxy", "K", "imgproxy/3.24.1"),
        ("^Camo ", "K", "Camo Asset Proxy 2.3.0"),
        ("go-camo", "K", "go-camo (v2.4.3)"),
        ("github-camo", "D", "github-camo (d76dea84)"),
    ),
    *_rows(
        Is.MACHINE,
        # Networks and messengers that fetch a page to show a card of it.
        ("Bluesky Cardyb", "B", f"Mozilla/5.0 {_LIKE}; compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app) Chrome/W.X.Y.Z Safari/537.36"),
        ("app.bsky:", "B", "web:app.bsky:v0.0.1 (by support@bsky.app)"),
        ("facebookexternalhit", "C", "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"),
        ("facebookcatalog", "C", "facebookcatalog/1.0"),
        ("meta-externalagent", "C", "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)"),
        ("meta-externalfetcher", "C", "meta-externalfetcher/1.1"),
        ("FacebookBot", "D", "Mozilla/5.0 (compatible; FacebookBot/1.0; +https://developers.facebook.com/docs/sharing/webmasters/facebookbot/)"),
        ("Twitterbot", "C", "Twitterbot/1.0"),
        ("LinkedInBot", "D", "LinkedInBot/1.0 (compatible; Mozilla/5.0; Jakarta Commons-HttpClient/3.1 +http://www.linkedin.com)"),
        ("Pinterestbot", "D", "Mozilla/5.0 (compatible; Pinterestbot/1.0; http://www.pinterest.com/bot.html)"),
        ("^Pinterest/", "D", "Pinterest/0.2 (+http://www.pinterest.com/)"),
        ("Slackbot", "D", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"),
        ("Slack-ImgProxy", "C", "Slack-ImgProxy (+https://api.slack.com/robots)"),
        ("TelegramBot", "C", "TelegramBot (like TwitterBot)"),
        ("^WhatsApp/", "C", "WhatsApp/2.23.20.0 A"),
        ("^Viber", "D", "ViberUrlDownloader"),
        ("Discordbot", "D", "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"),
        ("SkypeUriPreview", "D", "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5"),
        ("MicrosoftPreview", "D", f"Mozilla/5.0 {_LIKE}; compatible; MicrosoftPreview/2.0; +https://aka.ms/MicrosoftPreview) Chrome/100.0.4896.127 Safari/537.36"),
        ("BingPreview", "D", "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b"),
        ("line-poker", "K", "facebookexternalhit/1.1;line-poker/1.0"),
        ("Linespider", "D", "Mozilla/5.0 (compatible; Linespider/1.1; https://lin.ee/4dwXkTH)"),
        ("kakaotalk-scrap", "K", "facebookexternalhit/1.1; kakaotalk-scrap/1.0; +https://devtalk.kakao.com/t/scrap/33984"),
        ("vkShare", "D", "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)"),
        ("OdklBot", "D", "Mozilla/5.0 (compatible; OdklBot/1.0 like Linux; klass@odnoklassniki.ru)"),
        ("Snap URL Preview", "D", "Snap URL Preview Service; bot; https://developer.snapchat.com/robots"),
        ("Chatwork LinkPreview", "D", "Chatwork LinkPreview v1"),
        ("LinkPreview", "D", "LinkPreview/1.5 (http://linkpreview.net)"),
        ("Link Preview", "D", "Mozilla/5.0 (compatible; Yahoo Link Preview; https://help.yahoo.com/kb/mail/yahoo-link-preview-SLN23615.html)"),
        ("Google Web Preview", "D", f"Mozilla/5.0 (X11; Linux x86_64) {_LIKE}; Google Web Preview) Chrome/27.0.1453 Safari/537.36"),
        ("developers.google.com/+/web/snippet", "D", "Mozilla/5.0 (Windows NT 6.1; rv:6.0) Gecko/20110814 Firefox/6.0 Google (+https://developers.google.com/+/web/snippet/)"),
        ("Google-PageRenderer", "D", f"Mozilla/5.0 (X11; Linux x86_64) {_LIKE}) Chrome/56.0.2924.87 Safari/537.36 Google-PageRenderer"),
        ("Embedly", "D", "Mozilla/5.0 (compatible; Embedly/0.2; +http://support.embed.ly/)"),
        ("Iframely", "D", "Iframely/1.6.1 (+https://metadata.xayn.com)"),
        ("OpenGraph.io", "D", f"Mozilla/5.0 (compatible; OpenGraph.io/1.1; +https://opengraph.io/;) {_LIKE}) Chrome/51.0 Safari/537.36"),
        ("Mastodon/", "C", "http.rb/5.1.1 (Mastodon/4.2.10; +https://mastodon.social/) Bot"),
        ("^Lemmy/", "S", "Lemmy/0.19.11; +https://lemmy.example"),
        ("^Pleroma ", "S", "Pleroma 2.6.0; https://pleroma.example <admin@pleroma.example>; Bot"),
        ("^Friendica ", "K", "Friendica 'Interrupted Fern' 2024.12-1576; https://friendica.example"),
        ("Misskey/", "K", "Mozilla/5.0 Misskey/2024.3.1 (https://misskey.example)"),
        # Assistants that fetch for a question, and those that fill their indexes.
        ("PerplexityBot", "P", f"Mozilla/5.0 {_LIKE}; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)"),
        ("Perplexity-User", "P", f"Mozilla/5.0 {_LIKE}; compatible; Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)"),
        ("ChatGPT-User", "D", f"Mozilla/5.0 {_LIKE}); compatible; ChatGPT-User/1.0; +https://openai.com/bot"),
        ("OAI-SearchBot", "D", f"Mozilla/5.0 {_LIKE}); compatible; OAI-SearchBot/1.0; +https://openai.com/searchbot"),
        ("GPTBot", "D", f"Mozilla/5.0 {_LIKE}; compatible; GPTBot/1.0; +https://openai.com/gptbot)"),
        ("Claude-User", "D", f"Mozilla/5.0 {_LIKE}; compatible; Claude-User/1.0; +Claude-User@anthropic.com)"),
        ("Claude-SearchBot", "D", f"Mozilla/5.0 {_LIKE}; compatible; Claude-SearchBot/1.0; +searchbot@anthropic.com)"),
        ("ClaudeBot", "D", f"Mozilla/5.0 {_LIKE}; compatible; ClaudeBot/1.0; +ClaudeBot@anthropic.com)"),
        ("MistralAI-", "D", f"Mozilla/5.0 {_LIKE}; compatible; MistralAI-User/1.0; +https://docs.mistral.ai/robots)"),
        ("DuckAssistBot", "D", "DuckAssistBot/1.1; (+http://duckduckgo.com/duckassistbot.html)"),
        ("Kimi-", "D", f"Mozilla/5.0 {_LIKE}); compatible; Kimi-User/1.0; +https://www.kimi.com/policies/kimi-crawlers"),
        ("Manus-User", "D", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36; Manus-User/1.0"),
        ("Amzn-User", "D", f"Mozilla/5.0 {_LIKE}; compatible; Amzn-User/0.1) Chrome/119.0.6045.214 Safari/537.36"),
        ("Amazonbot", "D", f"Mozilla/5.0 {_LIKE}; compatible; Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot) Chrome/119.0 Safari/537.36"),
        ("GoogleAgent-", "D", f"Mozilla/5.0 {_LIKE}; compatible; GoogleAgent-Search) Chrome/114.0.0.0 Safari/537.36"),
        ("Google-Read-Aloud", "D", f"{_ANDROID} (compatible; Google-Read-Aloud; +https://support.google.com/webmasters/answer/1061943)"),
        ("Google-Safety", "D", "Google-Safety"),
        ("Bytespider", "D", f"{_ANDROID}; Bytespider;bytespider@bytedance.com"),
        ("TikTokSpider", "D", f"{_ANDROID} (compatible; TikTokSpider; ttspider-feedback@tiktok.com)"),
        ("PetalBot", "D", f"{_ANDROID} (compatible; PetalBot;+https://aspiegel.com/petalbot)"),
        ("Applebot", "D", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) (Applebot/0.1; +http://www.apple.com/go/applebot)"),
        ("SeznamBot", "D", "Mozilla/5.0 (compatible; SeznamBot/3.2; +http://fulltext.sblog.cz/)"),
        ("Seznam screenshot", "K", "Mozilla/5.0 PhantomJS (compatible; Seznam screenshot-generator 2.1; +http://fulltext.sblog.cz/screenshot/)"),
        ("Zbozi-robot", "K", "Mozilla/5.0 (compatible; Seznam-Zbozi-robot/3.3; +http://www.zbozi.cz/napoveda)"),
        ("HeadlessChrome", "D", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/121.0.6167.57 Safari/537.36"),
        # What looks a link or a mail over before its reader does.
        ("Barracuda Sentinel", "D", "Barracuda Sentinel (EE)"),
        ("Existence Discovery", "D", "Microsoft Office Existence Discovery"),
        ("Protocol Discovery", "K", "Microsoft Office Protocol Discovery"),
    ),
    *_rows(
        Is.MAIL,
        ("Microsoft Outlook", "D", "Microsoft Office/16.0 (Microsoft Outlook 16.0.12329; Pro), Mozilla/4.0 (compatible; ms-office; MSOffice 16)"),
        ("ms-office", "D", "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"),
        ("MacOutlook/", "D", "MacOutlook/16.46.21021202 (Intelx64 Mac OS X 11.2.2 (Build 20D80))"),
        ("Outlook-iOS", "D", "Outlook-iOS/709.2042344.prod.iphone (3.21.0)"),
        ("Outlook-Android", "K", "Outlook-Android/2.0"),
        ("Outlook-Express", "D", "Outlook-Express/7.0 (MSIE 7.0; Windows NT 6.1; WOW64; Trident/6.0; SLCC2)"),
        ("^Outlook/", "D", "Outlook/16.16.18071205 CFNetwork/902.1 Darwin/17.7.0 (x86_64)"),
        ("WindowsMail/", "D", "WindowsMail/17.5.9600.22013"),
        ("Thunderbird/", "D", "Mozilla/5.0 (X11; Linux i686; rv:17.0) Gecko/20130330 Thunderbird/17.0.5"),
        ("Icedove/", "D", "Mozilla/5.0 (X11; Linux x86_64; rv:24.0) Gecko/20100101 Icedove/24.4.0"),
        ("Postbox", "D", "Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10.6; en-US; rv:1.9.1.8) Gecko/20100317 Postbox/1.1.3"),
        ("Lotus-Notes", "D", "Mozilla/4.0 (compatible; Lotus-Notes/6.0; Windows-NT)"),
        ("^Airmail", "D", "Airmail 1.4 rv:238 (Macintosh; Mac OS X 10.9.2; hr_HR)"),
        ("MailBar/", "D", "MailBar/1.3.2 (Mac OS X Version 10.11.1 (Build 15B42))"),
        ("The Bat!", "D", "The Bat! 4.0.0.22"),
        ("eM Client", "D", f"{_WINDOWS} Chrome/55.0.2883.87 Safari/537.36 eM Client/8.2.1659.0"),
        ("^eMClient/", "D", "eMClient/9.3.6041.0"),
        ("Mailbird/", "D", f"{_WINDOWS} Chrome/51.0.2704.103 Safari/537.36 Mailbird/2.4.30.0/"),
        ("Mailspring/", "D", f"{_WINDOWS} Mailspring/1.7.4 Chrome/69.0.3497.128 Electron/4.2.2 Safari/537.36"),
        ("BlueMail/", "D", f"{_WINDOWS} BlueMail/0.10.31 Chrome/61.0.3163.100 Electron/2.0.18 Safari/537.36"),
        ("Foxmail/", "D", f"{_WINDOWS} Chrome/101.0.4951.67 Safari/537.36 Foxmail/7.2.25.213"),
        ("MailMaster", "D", f"{_WINDOWS} Chrome/49.0.2623.110 MailMasterPC/4.15.6.1016 Safari/537.36"),
        ("NaverMailApp", "D", "NaverMailApp/2.2.2 (Android 10; SM-G986N)"),
        ("Yahoo%20Mail/", "D", "Yahoo%20Mail/49268 CFNetwork/1121.2.2 Darwin/19.3.0"),
        ("jp.co.yahoo.ymail", "D", f"{_IPHONE} YJApp-IOS jp.co.yahoo.ymail/7.4.1"),
        ("Android-Gmail/", "D", "Android-Gmail/64562652 (sw411dp; 420dpi) (r7 TP1A.220624.014)"),
        ("mailapp/", "D", f"{_IPHONE} mailapp/6.5.0"),
        ("SeznamEmail", "I", f"{_ANDROID} SeznamEmail/2.30"),
    ),
    *_rows(
        Is.BROWSER,
        ("^Lynx/", "D", "Lynx/2.8.8pre.3 libwww-FM/2.14 SSL-MM/1.4.1 OpenSSL/1.0.1e"),
        ("^w3m/", "D", "w3m/0.52"),
        ("^ELinks", "D", "ELinks/0.12~pre6-1ubuntu1 (textmode; Ubuntu; Linux 3.11.0-13-generic i686; 100x25-2)"),
        ("^Links (", "D", "Links (2.1pre23; Linux 3.5.0 i686; 237x63)"),
        ("Seznam.cz/", "I", f"{_ANDROID} Seznam.cz/12.1"),
        ("Seznam", "I", f"{_ANDROID} SeznamMobile/10.5"),  # the library's list has the bare name, and each app has its own
        ("SznProhlizec/", "D", f"{_ANDROID} SznProhlizec/7.19.0a"),
        ("MicroMessenger/", "D", f"{_IPHONE} MicroMessenger/8.0.50 Language/zh_CN"),
        (" Line/", "K", f"{_IPHONE} Safari Line/13.19.1"),
        ("KAKAOTALK", "D", f"{_IPHONE} Safari/604.1 KAKAOTALK/10.7.1 (INAPP)"),
        ("FBAN/", "D", f"{_IPHONE} [FBAN/FBIOS;FBAV/442.0.0.40.110;FBBV/540000000]"),
        ("Instagram ", "D", f"{_IPHONE} Instagram 309.1.1.28.108 (iPhone14,5; iOS 17_3)"),
    ),
)  # fmt: skip

_PLAIN = [(row, row.name.lower()) for kind in Is for row in AGENTS if row.kind is kind]


@lru_cache(maxsize=4096)
def of(user_agent: str) -> Is | None:
    """What `user_agent` is by the table; None when no row knows it."""
    plain = user_agent.lower()
    for row, name in _PLAIN:
        if plain.startswith(name[1:]) if name[0] == "^" else name in plain:
            return row.kind
    return None
