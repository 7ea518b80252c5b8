"""smtplib, as its documentation uses it: connect, STARTTLS, log in, send, quit."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import smtplib
import sys


def main() -> None:
    task = json.load(sys.stdin)
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        answer = send(task)
    json.dump({**answer, "log": said.getvalue()}, sys.stdout)


def send(task: dict) -> dict:  # type: ignore[type-arg]
    content = base64.b64decode(task["content"])
    try:
        with smtplib.SMTP(task["host"], task["port"], local_hostname="client.test", timeout=task["timeout"]) as smtp:
            smtp.set_debuglevel(1 if task["debug"] else 0)
            smtp.starttls()
            smtp.login(task["user"], task["password"])
            options = ["SMTPUTF8"] if any(not each.isascii() for each in task["recipients"]) else []
            refused = smtp.sendmail(task["sender"], task["recipients"], content, mail_options=options)
        return {"outcome": "sent", "refused": list(refused)}
    except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
        return {"outcome": "error", "error": type(error).__name__, "message": str(error)}


if __name__ == "__main__":
    main()
