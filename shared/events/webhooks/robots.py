r"""Messages to group robots: the body that DingTalk and WeCom take, and DingTalk's signature in the address.

DingTalk: https://open.dingtalk.com/document/orgapp/custom-robot-access (加签: HmacSHA256 over "timestamp\\nsecret").
WeCom: https://developer.work.weixin.qq.com/document/path/91770.
"""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from shared.events.event import Envelope

DINGTALK, WECOM = "dingtalk", "wecom"
ROBOT_FORMS = frozenset({DINGTALK, WECOM})
SIGNED_START = "SEC"
MAX_TEXT_BYTES = 2000
"""WeCom takes 2048 bytes of text; DingTalk more."""


def build_robot_request(
    form: str, url: str, secret: str, envelope: Envelope, now: datetime
) -> tuple[str, bytes, dict[str, str]]:
    """Address, body and headers of the message that an event holds (`text`)."""
    body: dict[str, Any] = {"msgtype": "text", "text": {"content": _cut(str(envelope.after["text"]))}}
    if form == DINGTALK and secret.startswith(SIGNED_START):
        stamp = str(int(now.timestamp() * 1000))
        digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
        joint = "&" if "?" in url else "?"
        url = f"{url}{joint}timestamp={stamp}&sign={quote_plus(base64.b64encode(digest))}"
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Xianjie-Reminders/1"}
    return url, json.dumps(body, ensure_ascii=False).encode(), headers


def _cut(text: str) -> str:
    """At most `MAX_TEXT_BYTES` of UTF-8, cut between lines."""
    lines = text.split("\n")
    while len("\n".join(lines).encode()) > MAX_TEXT_BYTES and len(lines) > 1:
        lines.pop()
    return "\n".join(lines)
