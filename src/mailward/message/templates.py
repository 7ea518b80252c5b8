"""Messages from templates of Jinja2, sandboxed: data fills places, and is never a template, header or file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from mailward.errors import InputError, InvalidMessage
from mailward.message.builder import Message, Priority
from mailward.message.files import AnyPath
from mailward.message.plain_text import plain_text
from mailward.printable import printable

if TYPE_CHECKING:
    import jinja2

MOST_CHARACTERS: Final = 1 << 24  # of one rendered text
_LINES: Final = frozenset({"subject", "from_", "to", "cc", "reply_to", "list_unsubscribe"})


class Template:
    """`Template(from_="shop@example.org", to="{{ email }}", subject="Order {{ number }}", html="<p>Hi {{ name }}")`.

    Every text is a Jinja2 template. In `html` data is escaped; `text` is made of the HTML where it is not given. A name
    without a value is an error. Templates may `include` and `extend` files of `folder`, and nothing else: they see no
    file and no program, and what the data says is never run, opened or fetched. `headers`: more fields, templates too.
    A hostile template can still use up time; hostile data cannot. Needs `mailward[templates]`.
    """

    def __init__(
        self,
        *,
        subject: str,
        text: str | None = None,
        html: str | None = None,
        from_: str = "{{ from_ }}",
        to: str = "{{ to }}",
        cc: str | None = None,
        reply_to: str | None = None,
        headers: Mapping[str, str] | None = None,
        list_unsubscribe: str | Sequence[str] = (),
        priority: Priority = "normal",
        folder: AnyPath | None = None,
    ) -> None:
        if text is None and html is None:
            raise InvalidMessage("a template has neither text nor html")
        self._priority = priority
        ways = [list_unsubscribe] if isinstance(list_unsubscribe, str) else list_unsubscribe
        sources = {"from_": from_, "to": to, "cc": cc, "reply_to": reply_to, "subject": subject, "text": text}
        sources |= {f"list_unsubscribe {number}": way for number, way in enumerate(ways)}
        sources |= {f"header {name}": value for name, value in (headers or {}).items()}
        plain = _environment({name: each for name, each in sources.items() if each is not None}, folder, escape=False)
        self._plain = {name: _compiled(plain, name) for name, each in sources.items() if each is not None}
        self._html = None
        if html is not None:
            self._html = _compiled(_environment({"html": html}, folder, escape=True), "html")

    def render(self, /, **data: Any) -> Message:
        """The message with `data` in its places. Raises InvalidMessage, naming the template and its line."""
        done = {name: _rendered(template, name, data) for name, template in self._plain.items()}
        html = None if self._html is None else _rendered(self._html, "html", data)
        text = done.get("text")
        ways = [value.strip() for name, value in done.items() if name.startswith("list_unsubscribe")]
        return Message(
            from_=done["from_"].strip(),
            to=done["to"].strip(),
            cc=done["cc"].strip() if done.get("cc", "").strip() else (),
            reply_to=done["reply_to"].strip() if done.get("reply_to", "").strip() else (),
            subject=done["subject"].strip(),
            text=plain_text(html) if text is None and html is not None else text,
            html=html,
            headers={name[7:]: value.strip() for name, value in done.items() if name.startswith("header ")},
            list_unsubscribe=ways or None,
            priority=self._priority,
        )


def _environment(sources: Mapping[str, str], folder: AnyPath | None, *, escape: bool) -> jinja2.Environment:
    try:
        import jinja2  # noqa: PLC0415  # an extra, and large
        from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            "templates need Jinja2, which is not installed", phase="message", advice='pip install "mailward[templates]"'
        ) from error
    ours = jinja2.FunctionLoader(lambda name: (sources[name], name, None) if name in sources else None)
    files = [] if folder is None else [jinja2.FileSystemLoader(folder)]
    return ImmutableSandboxedEnvironment(
        loader=jinja2.ChoiceLoader([ours, *files]),
        undefined=jinja2.StrictUndefined,
        autoescape=escape,
        keep_trailing_newline=True,
        auto_reload=False,
    )


def _compiled(environment: jinja2.Environment, name: str) -> jinja2.Template:
    from jinja2 import TemplateError, TemplateSyntaxError  # noqa: PLC0415

    try:
        return environment.get_template(name)
    except TemplateSyntaxError as error:
        _refuse(error.name or name, error.lineno, error.message or "")
    except TemplateError as error:
        _refuse(name, None, str(error))


def _rendered(template: jinja2.Template, name: str, data: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError  # noqa: PLC0415

    parts: list[str] = []
    size = 0
    try:
        for part in template.generate(dict(data)):
            parts.append(part)
            size += len(part)
            if size > MOST_CHARACTERS:
                raise InvalidMessage(f"template {name}: it makes more than {MOST_CHARACTERS} characters")
    except InputError:
        raise
    except (
        TemplateError,
        ArithmeticError,
        TypeError,
        ValueError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        place, line = _place(error, name)
        reason = str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
        _refuse(place, line, reason)
    return "".join(parts)


def _place(error: Exception, name: str) -> tuple[str, int | None]:
    """The innermost template line: Jinja2 gives its frames the lines of the template and the file name we gave it."""
    found: tuple[str, int | None] = (name, getattr(error, "lineno", None))
    trace = error.__traceback__
    while trace is not None:
        if "__jinja_exception__" in trace.tb_frame.f_globals:
            found = (trace.tb_frame.f_code.co_filename.rpartition("/")[2], trace.tb_lineno)
        trace = trace.tb_next
    return found


def _refuse(name: str, line: int | None, reason: str) -> NoReturn:
    place = f"template {printable(name, 80)}" + (f", line {line}" if line else "")
    raise InvalidMessage(f"{place}: {printable(reason, 200)}", advice="correct the template, or give what it asks for")
