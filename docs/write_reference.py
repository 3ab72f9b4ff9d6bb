"""Write the pages that come from the code: ``python docs/write_reference.py``. A test says which are old."""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path

from doorview.cli import build_parser
from doorview.show.columns import columns_page
from doorview.study.reference import reference_markdown, study_schema

HERE = Path(__file__).resolve().parent


def cli_page() -> str:
    """Return the reference of the commands, from their parser."""
    parser = build_parser()
    lines = [
        "# Commands",
        "",
        f"{parser.description}",
        "",
        "Each command says the same with `--help`. This page is written from the parser; a test keeps it current.",
        "",
        "Exit codes: 0 done; 1 bad input, one message on standard error; 2 usage; 130 interrupted. A finished run is",
        "replaced only by a finished run; an interrupted one goes on where it stopped when the same command is given.",
    ]
    (commands,) = (item for item in parser._actions if isinstance(item, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        actions = [item for item in command._actions if not isinstance(item, argparse._HelpAction)]
        words = [_name(item) for item in actions if not item.option_strings]
        more = "" if len(words) == len(actions) else " [OPTIONS]"
        lines += ["", f"## doorview {name}", "", f"{command.description}", ""]
        lines += ["```text", " ".join(["doorview", name, *words]) + more, "```"]
        if actions:
            lines += ["", "| argument | what |", "|---|---|"]
            lines += [f"| `{_name(item)}` | {_help(item)} |" for item in actions]
    return "\n".join(lines) + "\n"


def _name(action: argparse.Action) -> str:
    """Return an argument as it is typed."""
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.choices:
        metavar = "\\|".join(map(str, action.choices))
    if not action.option_strings:
        return metavar
    return ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {metavar}")


def _help(action: argparse.Action) -> str:
    text = (action.help or "").replace("%%", "%").replace("|", "\\|")
    return text % {"default": action.default} if "%(" in text else text


def measured() -> dict[str, list[str]]:
    """Return the tables of sight.md whose lines are altered assumptions: name of the line -> its six figures."""
    found: dict[str, list[str]] = {}
    for line in (HERE / "sight.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and cells[1].startswith(("+", "-")) and not cells[1].startswith("--"):
            found[cells[0]] = cells[1:]
    return found


def assumptions_page() -> str:
    """Return every assumption with its source and its measured effect, from assumptions.toml and sight.md."""
    rows, entries = measured(), tomllib.loads((HERE / "assumptions.toml").read_text(encoding="utf-8"))["assumption"]
    lines = [
        "# Every assumption, its source and its effect",
        "",
        "Effects are what the altered assumption adds to the headline, the share of streets within 50 m of a home in",
        "view if 20 % of households own a camera, in percentage points at *detect / observe / recognise*. Without",
        "alteration it is 44.31 / 3.30 / 0.01 % in Randallstown, a post-war suburb, and 56.09 / 18.81 / 4.99 % in",
        "Greenwich Village, row houses on the sidewalk; commands and conditions are under",
        "[what one camera sees](sight.md#assumed). Simulated; map data © OpenStreetMap contributors. Marks:",
        "[conventions](conventions.md#marks-of-sources).",
        "",
        "A run varies most of these together and prints what they leave as `share_low` and `share_high`",
        "([how](drivers.md)). This page is written from `assumptions.toml` and the tables of `sight.md`.",
        "",
        "| assumed | source | altered | Randallstown | Greenwich Village |",
        "|---|---|---|---|---|",
    ]
    for entry in entries:
        head = [f"**{entry['what']}**: {entry['taken']}", f"**{entry['mark']}** {entry['source']}"]
        for name in entry.get("rows", []):
            one, other = " / ".join(rows[name][:3]), " / ".join(rows[name][3:])
            lines.append("| " + " | ".join([*head, name, one, other]) + " |")
            head = ["", ""]
        said = entry.get("effect") or entry.get("more")
        if said:
            lines.append("| " + " | ".join([*head, said, "", ""]) + " |")
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Return every page that comes from the code, by its file's name in this folder."""
    return {
        "assumptions.md": assumptions_page(),
        "cli.md": cli_page(),
        "data-dictionary.md": columns_page(),
        "study.md": reference_markdown(),
        "study.schema.json": json.dumps(study_schema(), indent=1, ensure_ascii=False) + "\n",
    }


if __name__ == "__main__":
    for file, text in pages().items():
        (HERE / file).write_text(text, encoding="utf-8")
