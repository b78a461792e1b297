"""Usage lines and arguments of commands, derived from the request types."""

from __future__ import annotations

from typing import Any, List, NamedTuple, Type, get_type_hints

from messenger.protocol.messages import Request


class Argument(NamedTuple):
    """One argument of a command: the request's field and how usage lines call it."""

    field: str
    title: str

    @property
    def is_rest(self) -> bool:
        """Whether it takes the rest of the line, unchanged."""
        return self.title in ("TEXT", "FILE")

    @property
    def is_list(self) -> bool:
        """Whether it takes all the words that are left."""
        return self.title.endswith("…")


def arguments(request: Type[Any]) -> List[Argument]:
    """Return the arguments of the command that a request type is, in order."""
    hints = get_type_hints(request, include_extras=True)
    found = []
    for field, hint in hints.items():
        titles = [meta.title for meta in getattr(hint, "__metadata__", ()) if getattr(meta, "title", None)]
        if titles:
            found.append(Argument(field, titles[0]))
    return found


def command_name(request: Type[Any]) -> str:
    """Return the command as it is typed: `/msgto`."""
    return f"/{request.__struct_config__.tag}"


def usage(request: Type[Any]) -> str:
    """Return the usage line of a command: `/msgto USER TEXT`."""
    return " ".join([command_name(request), *(argument.title for argument in arguments(request))])


def help_line(request: Type[Request]) -> str:
    """Return the first line of a command's help."""
    return (request.__doc__ or "").strip().split("\n")[0]
