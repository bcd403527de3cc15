"""A choice of elements as users write it, and the phases that it allows.

    Ti,O   Ti O   ["Ti", "O"]   TiO2   Ti-O   ti;o       titanium and oxygen alone
    -Fe,-Pb   -Fe -Pb                                    neither iron nor lead
    Ti,O,-Fe

Capitals decide: `Co` is cobalt, `CO` carbon and oxygen. Lower case is accepted only for single symbols between
separators. A hyphen directly before a symbol excludes it. Hyphens between symbols join them if there is no other
separator, as in the name of a chemical system. Ambiguous text is refused, and both readings are shown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass

import gemmi

from bragglens.errors import BragglensError

Choice = Callable[[Set[str]], bool]
Elements = str | Iterable[str]

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("'\"`", " "))
_BETWEEN = r",;:/+&|·•⋅*\s"  # what separates symbols; a plus and a dot may join parts of a formula
_CHARGE = re.compile(rf"(?<=\d)[+-](?=[{_BETWEEN}-]|$)")  # O2-, Ti4+
_STATE = re.compile(r"(?<=[a-zA-Z])\((?:II|III|IV|VI|VII)\)")  # Fe(III); Cu(I) may be the iodide
_JOIN = re.compile(rf"\s*(?:(?<=[^{_BETWEEN}])-|-(?=[{_BETWEEN}-]|$))\s*")  # a hyphen that leaves nothing out
_SYSTEM = re.compile(rf"[^{_BETWEEN}-]+(?:-[^{_BETWEEN}-]+)+")
_PART = re.compile(r"([A-Z][a-z]?)|\d+\.?\d*|\.\d+|[()\[\]{}]")
_MOST_READINGS = 3


@dataclass(frozen=True)
class Chosen:
    """A choice as it was understood.

    Attributes:
        only: the allowed elements, in the order written; empty allows all.
        never: the excluded elements.
    """

    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The choice in plain form: `Ti,O,-Fe`."""
        return ",".join((*self.only, *(f"-{symbol}" for symbol in self.never)))


def element_choice(elements: Elements | None) -> Choice:
    """A test of the elements of a phase.

    Args:
        elements: see `read_choice`; None allows all.

    Raises:
        BragglensError: as `read_choice`.
    """
    chosen = read_choice(elements)
    only, never = frozenset(chosen.only), frozenset(chosen.never)
    return lambda has: not has & never and (not only or has <= only)


def named_elements(elements: Elements | None) -> frozenset[str]:
    """The elements that a choice names, without excluded ones such as `-Fe`."""
    return frozenset(read_choice(elements).only)


def read_choice(elements: Elements | None) -> Chosen:
    """Understand a choice of elements.

    Args:
        elements: symbols or formulas between commas, semicolons, blanks or hyphens, or a list of them; `-Fe` for an
            excluded element; None or an empty text for no choice.

    Returns:
        The elements, D counted as H.

    Raises:
        BragglensError: a symbol is no element, or the text is ambiguous.
    """
    text = _plain(elements)
    if not text.strip():
        return Chosen()
    tokens = [one for one in re.split(rf"[{_BETWEEN}]+", _separated(text)) if one.strip("()[]{}-")]
    if not tokens:
        raise BragglensError(f"elements '{text}': has no element: give symbols such as Ti,O or -Fe")
    wanted = [token for token in tokens if not token.startswith("-")]
    unwanted = [token.removeprefix("-") for token in tokens if token.startswith("-")]
    _refuse_capitals(text, [*wanted, *unwanted])
    only = [symbol for token in wanted for symbol in _symbols(text, token)]
    never = [_left_out(text, token) for token in unwanted]
    if both := [symbol for symbol in only if symbol in never]:
        raise BragglensError(f"elements '{text}': {both[0]} is both required and excluded: write it once")
    return Chosen(tuple(dict.fromkeys(only)), tuple(dict.fromkeys(never)))


def _plain(elements: Elements | None) -> str:
    """A choice as text with plain hyphens and digits."""
    if elements is not None and not isinstance(elements, str):
        try:
            listed = [str(one) for one in elements]
        except TypeError:
            raise BragglensError(f"elements {elements!r}: are not symbols: give 'Ti,O' or ['Ti', 'O']") from None
        elements = ",".join(sorted(listed) if isinstance(elements, Set) else listed)
    return unicodedata.normalize("NFKC", elements or "").translate(_DASHES)


def _separated(text: str) -> str:
    """A chemical system such as Ti-Zn-O with commas; any other hyphen between symbols has two readings."""
    text = _STATE.sub("", _CHARGE.sub("", text)).strip()
    if not _JOIN.search(text):
        return text
    if _SYSTEM.fullmatch(text):
        return text.replace("-", ",")
    parts = [part for part in (piece.strip(", ") for piece in _JOIN.split(text)) if part]
    if not parts:
        return ""
    first = "" if len(parts) == 1 or text.startswith("- ") else parts.pop(0)
    with_it, without = (",".join(filter(None, [first, *(sign + part for part in parts)])) for sign in ("", "-"))
    raise BragglensError(
        f"elements '{text}': the hyphen is ambiguous: write '{with_it}' to have what follows it, "
        f"'{without}' to leave it out"
    )


def _symbols(text: str, token: str) -> list[str]:
    """The elements of a symbol or a formula.

    Raises:
        BragglensError: it is neither, or ambiguous.
    """
    if token in ("no", "No"):
        raise BragglensError(f"elements '{text}': '{token}' could be nobelium or a word: write -Fe to leave iron out")
    bare = token.strip("()[]{}")
    if (bare.islower() or _capitals(bare)) and (symbol := _element(bare.capitalize())):
        return [symbol]
    if re.search(r"[a-z]\([IV]\)", token):
        raise BragglensError(
            f"elements '{text}': '{token}' could state a charge, or iodine or vanadium: give symbols alone"
        )
    parts = [_element(part) for part in _parts(token)]
    if parts and all(parts):
        return [symbol for symbol in parts if symbol]
    readings = _readings(token)
    if len(readings) > 1:
        raise BragglensError(f"elements '{text}': '{token}' could be {' or '.join(readings)}: write its capitals")
    meant = f"is {readings[0]} meant?" if readings else "give symbols such as Ti,O, a formula such as TiO2, or -Fe"
    raise BragglensError(f"elements '{text}': {token} is no element{' as it is written' * bool(readings)}: {meant}")


def _left_out(text: str, token: str) -> str:
    """The one element that a token with a hyphen before it excludes."""
    symbols = list(dict.fromkeys(_symbols(text, token)))
    if len(symbols) == 1:
        return symbols[0]
    each = ",".join(f"-{symbol}" for symbol in symbols)
    other = f"-{token.capitalize()}" if len(token) == 2 and _element(token.capitalize()) else ""
    raise BragglensError(
        f"elements '{text}': '-{token}' could be '{each}' or "
        + (
            f"'{other}': write that one"
            if other
            else "the phase alone, which elements cannot leave out: write the first"
        )
    )


def _parts(token: str) -> list[str]:
    """The symbols of a formula by its capitals; empty if it is none."""
    matches = list(_PART.finditer(token))
    whole = sum(len(match[0]) for match in matches) == len(token)
    return [match[1] for match in matches if match[1]] if whole else []


def _capitals(token: str) -> bool:
    """Whether two capitals can be one symbol alone, such as FE: CO is carbon and oxygen."""
    return len(token) == 2 and token.isupper() and not all(map(_element, token))


def _refuse_capitals(text: str, tokens: Sequence[str]) -> None:
    """Refuse a text all in capitals if it is ambiguous: SI in `MG,SI,O` is silicon, or sulfur and iodine."""
    unsure = [token for token in tokens if len(token) == 2 and token.isupper() and _element(token.capitalize())]
    unsure = [token for token in unsure if not _capitals(token)]
    if unsure and len(tokens) > 1 and all(token.isupper() for token in tokens):
        token = unsure[0]
        raise BragglensError(
            f"elements '{text}': '{token}' could be {token.capitalize()} or {','.join(token)}: write that one"
        )


def _readings(token: str) -> list[str]:
    """Formulas that a token could be if its capitals were wrong, a few at most."""
    found = [""]
    for match in re.finditer(r"[A-Za-z]+|[^A-Za-z]+", token):
        parts = _split(match[0]) if match[0].isalpha() else [match[0]]
        found = [before + part for before in found for part in parts][: _MOST_READINGS + 1]
    return [one for one in found if _parts(one)][:_MOST_READINGS]


def _split(letters: str) -> list[str]:
    """All ways to read letters of any case as symbols one after the other."""
    if not letters:
        return [""]
    ways = []
    for length in (2, 1):
        symbol = letters[:length].capitalize()
        if len(letters) >= length and len(letters) < 20 and _element(symbol):
            ways += [symbol + rest for rest in _split(letters[length:])][: _MOST_READINGS + 1]
    return ways


def _element(symbol: str) -> str | None:
    """The symbol if it is an element, D as H; else None."""
    element = gemmi.Element(symbol)
    if not element.atomic_number or element.name != symbol:
        return None
    return "H" if symbol == "D" else str(element.name)
