"""The reference page of the study file, written from the fields of `study.sections`."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from doorview.study.sections import BUILTIN_SCENARIOS, SECTIONS, Study

__all__ = ["reference_markdown", "study_schema"]


def _type_text(annotation: Any) -> str:
    """Return what a field takes, in plain words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_text(arguments[0])
    if origin is Literal:
        return " or ".join(f'`"{choice}"`' for choice in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_type_text(item) for item in arguments if item is not type(None))
    if origin is dict:
        # A dictionary of texts names columns, one of numbers holds shares; any other figures by kind of building.
        return (
            "table" if arguments[1] is not Any and _type_text(arguments[1]) in ("text", "number") else "figure or table"
        )
    if origin is tuple:
        inner = _type_text(arguments[0])
        plural = {"number": "numbers", "table": "tables"}
        return "list of " + ("lists" if inner.startswith("list") else plural.get(inner, "texts"))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    return {float: "number", int: "whole number", bool: "true or false", str: "text", Path: "file"}[annotation]


def _default_text(default: Any) -> str:
    if default is None:
        return ""
    if isinstance(default, tuple):
        if len(default) > 10:
            return f"{default[0]:g}, {default[1]:g} ... {default[-1]:g}"
        return "`[" + ", ".join(f'"{item}"' for item in default) + "]`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f'`"{default}"`' if isinstance(default, str) else f"`{default}`"


def reference_markdown() -> str:
    """Return the reference of the study file as Markdown, section by section, from the fields of this module."""
    lines = [
        "# The study file",
        "",
        "One TOML file says what to do. `doorview new PLACE-OR-FILE` writes one, `doorview check STUDY` lists every",
        "fault in it at once, and `doorview run STUDY` does what it says. Paths count from the folder of the file.",
        "A key that is not listed here is refused. Every key has a default but the place.",
        "",
        "This page is written from the code (`doorview/study/sections.py`); a test keeps it current.",
        "",
        "For editors there is a JSON Schema, [study.schema.json](study.schema.json), written from the code. Put a copy",
        "beside your study file and begin the file with `#:schema ./study.schema.json`: an editor with Taplo (such",
        "as one with Even Better TOML) then completes keys, shows what they mean and marks wrong ones.",
    ]
    for section, model in SECTIONS.items():
        header = {"scenarios": "[scenarios.NAME]"}.get(section, f"[{section}]")
        # These may be given several times.
        header = f"[{header}]" if section in ("zones", "routes.way", "fairness.attributes") else header
        lines += ["", f"## `{header}`", "", " ".join((model.__doc__ or "").split()), ""]
        lines += ["| key | takes | default | what it means |", "|---|---|---|---|"]
        for name, field in model.model_fields.items():
            default = (
                "required" if field.is_required() else _default_text(None if field.default_factory else field.default)
            )
            lines.append(f"| `{name}` | {_type_text(field.annotation)} | {default} | {field.description} |")
        if section == "scenarios":
            names = ", ".join(f"`{name}`" for name in BUILTIN_SCENARIOS)
            lines += ["", f"Without any, these are run: {names}; they may also be named in `based_on`."]
    return "\n".join(lines) + "\n"


def study_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a study file, for editors: keys, types, bounds and what each means.

    What depends on several keys, or on files, only `doorview check` tells.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Study.model_json_schema(),
        "title": "doorview study file",
    }
