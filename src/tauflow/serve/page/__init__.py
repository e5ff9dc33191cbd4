"""The files of the live page, read once; none is looked up by a name that a client gives."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KINDS = {"live.html": "text/html", "live.js": "text/javascript", "draw.js": "text/javascript", "live.css": "text/css"}
FILES = {name: (HERE / name).read_bytes() for name in KINDS}

ASK = """
document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = document.querySelector("input").value.trim();
  const answer = await fetch("/", {headers: {Authorization: "Bearer " + token}});
  if (answer.ok) location.reload(); else document.querySelector("p").textContent = "That is not the token of this server.";
});
"""
LOOKS = "body{font:1.1rem system-ui,sans-serif;max-width:26rem;margin:20vh auto;padding:0 1rem}input,button{font:inherit;padding:.4rem}"
TOKEN = f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>tauflow: a token is needed</title><style>{LOOKS}</style>
<form><p>This server asks for its token, the text of the file that was given as --token-file.</p>
<label>Token <input type="password" autocomplete="off" autofocus></label> <button>Open</button></form>
<script>{ASK}</script></html>
""".encode()


def token_policy(policy: str) -> str:
    """The policy for the page that asks for a token, whose script and style stand in it."""
    for kind, text in (("script", ASK), ("style", LOOKS)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        policy = policy.replace(f"{kind}-src 'self'", f"{kind}-src 'sha256-{digest}'")
    return policy


def of_routes(description: dict[str, Any]) -> bytes:
    """The OpenAPI description as a page that needs nothing else."""
    parts = [
        f"<h1>{escape(description['info']['title'])}</h1><p>{escape(description['info'].get('description', ''))}</p>"
    ]
    parts.append(
        '<p>The same for programs: <a href="/openapi.json">openapi.json</a>. The <a href="/">live page</a>.</p>'
    )
    for path, methods in description["paths"].items():
        for method, about in methods.items():
            parts.append(f"<h2>{method.upper()} {escape(path)}</h2><p>{escape(about.get('description', ''))}</p>")
            for kind, body in about.get("requestBody", {}).get("content", {}).items():
                parts.append(f"<p>{escape(kind)}, for example</p><pre>{escape(body.get('example', ''))}</pre>")
            answers = "".join(
                f"<li>{escape(code)}: {escape(answer['description'])}</li>"
                for code, answer in about.get("responses", {}).items()
            )
            parts.append(f"<ul>{answers}</ul>")
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += '<title>tauflow serve</title><link rel="stylesheet" href="/live.css">'
    return f'{head}<main class="text">{"".join(parts)}</main></html>'.encode()
