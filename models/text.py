"""Text as it is compared: folded for sorting and searching, normalised for keys."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_SPACE = re.compile(r"\s+")
_PART = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Casefolded, without accents, white space single: what sorting and searching compare."""
    if text.isascii():  # most texts; nothing in them has another form
        return _SPACE.sub(" ", text.lower()).strip()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    stripped = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _SPACE.sub(" ", stripped).strip()


def mail_key(mail: str) -> str:
    """What makes two mail addresses the same: NFKC and casefolded (requirement E11)."""
    return unicodedata.normalize("NFKC", mail.strip()).casefold()


def display_name(first: str | None, last: str | None, nickname: str | None, mail: str) -> str:
    """The name to show (requirement E16): "first last", else the nickname, else the mail."""
    return " ".join(part for part in (first, last) if part) or nickname or mail


def search_key(*values: str | None) -> str:
    """Everything that a search looks at, each word behind a space (requirement B6, rule Q7).

    A word counts from each of its parts on, so that `anna.sch`, `schmidt` and `schmidt@example` all find
    `anna.schmidt@example.org`.
    """
    words: dict[str, None] = {}
    for value in values:
        for word in fold(value).split(" ") if value else ():
            words[word] = None
            for part in _PART.finditer(word):
                words[word[part.start() :]] = None
    return " " + " ".join(words)


def names_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a person that follow from names, mail and numbers (E16, B6, E11).

    They are what is shown, sorted, searched and, folded, compared with the texts of a filter.
    """
    shown = display_name(values.get("first_name"), values.get("last_name"), values.get("nickname"), values["email"])
    last = values.get("last_name")
    number, external = values.get("agent_number"), values.get("external_id")
    return {
        "email_key": mail_key(values["email"]),
        "display_name": shown,
        "display_name_key": fold(shown),
        "last_name_key": fold(last) if last else None,
        "email_folded": fold(values["email"]),
        "agent_number_folded": None if number is None else fold(number),
        "external_id_folded": None if external is None else fold(external),
        "search_key": search_key(
            shown,
            values.get("nickname"),
            values["email"],
            values.get("extension"),
            values.get("agent_number"),
            values.get("external_id"),
        ),
    }
