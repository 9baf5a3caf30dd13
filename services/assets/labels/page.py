"""The page a label opens on a phone: what the asset is, and a form to say what is broken. No login, no outside files."""

import hashlib
from base64 import b64encode
from html import escape

from services.assets.labels.schemas import AssetCard

STYLE = (
    "body{font-family:sans-serif;max-width:32rem;margin:0 auto;padding:1rem;line-height:1.6}h1{font-size:1.3rem}"
    "dt{color:#666;font-size:.85rem}dd{margin:0 0 .5rem}textarea,input,button{width:100%;box-sizing:border-box;"
    "font-size:1rem;padding:.6rem;margin:.3rem 0}button{background:#06c;color:#fff;border:0;border-radius:.3rem}"
    "output{display:block;padding:.5rem 0;font-weight:bold}"
)
SCRIPT = """
const form = document.querySelector("form"), said = document.querySelector("output");
const base = location.pathname.replace(/\\/page$/, "");
async function send(path, options) {
  const answer = await fetch(base + path, {method: "POST", ...options});
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail || "没有发送成功, 请稍后再试");
  return body;
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button"), photos = [];
  button.disabled = true;
  said.textContent = "正在发送…";
  try {
    for (const file of [...form.photos.files].slice(0, 6))
      photos.push((await send("/photos", {body: file, headers: {"Content-Type": file.type}})).id);
    const report = {text: form.text.value, photos, contact: form.contact.value || null};
    const headers = {"Content-Type": "application/json"};
    const made = await send("/repairs", {body: JSON.stringify(report), headers});
    said.textContent = "已收到, 谢谢! 报修单编号 " + made.id;
    form.reset();
  } catch (error) {
    said.textContent = error.message;
  }
  button.disabled = false;
});
"""
HASH = b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{HASH}'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Only this script runs, and it may only talk to where it came from."""


def html(card: AssetCard) -> str:
    """The page of an asset."""
    shown = {
        "资产编号": card.code,
        "类别": " ".join(part for part in (card.class_label, card.subclass_label) if part),
        "所有权人": card.owner,
        "坐落": card.address,
        "建成日期": str(card.built_on or ""),
        "原值": f"{card.original_value} 元" if card.original_value else "",
        "形成项目": card.project_name,
        "管护单位": card.keeper,
        "使用状态": card.use_label,
        "最近巡查": str(card.inspected_on or ""),
    }
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in shown.items() if words
    )
    return _page(
        card.name,
        f"<dl>{facts}</dl><h2>发现损坏? 请告诉我们</h2><form>"
        '<textarea name="text" rows="3" minlength="2" maxlength="1000" required placeholder="哪里坏了"></textarea>'
        '<input name="photos" type="file" accept="image/jpeg,image/png,image/webp" multiple aria-label="照片">'
        '<input name="contact" type="tel" placeholder="联系电话, 可不填; 加密保存">'
        f"<button>报修</button></form><output></output><script>{SCRIPT}</script>",
    )


def lost(words: str) -> str:
    """The page of a code that no asset has now."""
    return _page("没有找到这项资产", f"<p>{escape(words)}</p>")


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )
