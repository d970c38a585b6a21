"""Write the documentation of causes: one Markdown page each, and an index."""

from importlib import import_module

from dyetrace.knowledge.catalogue import CAUSES
from dyetrace.knowledge.drop_reasons import meaning
from dyetrace.knowledge.remedies import PLACEHOLDERS, placeholders_in
from dyetrace.model.cause import Cause

_NOTE = "<!-- Made by docs/generate.py from src/dyetrace/knowledge/causes: change it there. -->"


def pages() -> dict[str, str]:
    """Give all pages by file name."""
    return {"README.md": index_page()} | {
        f"{cause.code}.md": cause_page(cause, prose_of(cause)) for cause in CAUSES
    }


def prose_of(cause: Cause) -> str:
    """Give what the cause's file says of it."""
    return import_module(f"dyetrace.knowledge.causes.{cause.code.lower()}").__doc__ or ""


def cause_page(cause: Cause, prose: str) -> str:
    """Write one cause's page."""
    lead, _, rest = prose.strip().partition("\n\n")
    for heading in ("How it is proven:", "What to check:"):
        rest = rest.replace(heading, f"**{heading}**")
    parts = [
        f"{_NOTE}\n# {cause.code}",
        f"**{cause.title}.** {lead}",
        _facts(cause),
        rest,
        f"**To the tenant:** {cause.tenant_meaning}",
        f"**To the operator:** {cause.operator_meaning}",
        _remedy(cause),
        _drop_reasons(cause),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def index_page() -> str:
    """Write the list of all causes."""
    rows = (
        f"| [{cause.code}]({cause.code}.md) | {cause.title} | {cause.severity} | {cause.layer} "
        f"| {cause.owner} |"
        for cause in sorted(CAUSES, key=lambda cause: cause.code)
    )
    return (
        f"{_NOTE}\n# Causes\n\n"
        "What dyetrace blames a loss on. `dyetrace explain CODE` shows the same in a terminal.\n\n"
        "| code | title | severity | layer | owner |\n|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def _facts(cause: Cause) -> str:
    head = "| severity | layer | owner |\n|---|---|---|\n"
    return f"{head}| {cause.severity} | {cause.layer} | {cause.owner} |"


def _remedy(cause: Cause) -> str:
    text = f"## Remedy\n\n{cause.remedy.text.format_map(PLACEHOLDERS)}"
    if not cause.remedy.command:
        return text
    text += f"\n\n```sh\n{cause.remedy.command}\n```"
    names = sorted(placeholders_in(cause.remedy.command))
    if not names:
        return text
    told = "\n".join(f"- `{{{name}}}`: {PLACEHOLDERS[name]}" for name in names)
    return f"{text}\n\nA verdict fills in:\n\n{told}"


def _drop_reasons(cause: Cause) -> str:
    if not cause.drop_reasons:
        return ""
    told = "\n".join(f"- `{name}`: {meaning(name)}" for name in cause.drop_reasons)
    return f"## Drop reasons that mean this\n\n{told}"
