"""A second, tolerant reading of a CIF with syntax errors outside its structure.

Programs write CIFs with unquoted names, tags without a value, and repeated tags. The text is read again line by line
and written as a valid CIF. An error in the cell, the symmetry or the sites is never corrected by guessing. (Syntax:
Hall, Allen & Brown, Acta Cryst. A47 (1991) 655; https://www.iucr.org/resources/cif/spec/version1.1.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import gemmi

STRUCTURAL = ("_cell_length_", "_cell_angle_", "_symmetry_", "_space_group_", "_atom_site_")
OPERATIONS = ("_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz")
_TOKEN = re.compile(r"""\#.*|'.*?'(?=\s|$)|".*?"(?=\s|$)|\S+""")
_FIELD_END = re.compile(r"(?:_[a-z]+_|loop_\s*$|data_)", re.IGNORECASE)
_BLANKS = dict.fromkeys(map(ord, "\x0b\x0c\x1a\x1c\x1d\x1e\x85\u00a0\u2007\u202f\u3000\u2028\u2029"), " ")
_NOTHING = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060"))
_UNKNOWN = ("", "?", ".", "''", '""')
_SAID = 3  # slips that are told one by one


class BrokenStructureError(ValueError):
    """A syntax error is in the structure itself; the message says where."""


@dataclass(frozen=True)
class _Token:
    kind: str  # header, loop, tag or value
    text: str  # as a sound CIF has it
    line: int
    slip: str = ""  # what was wrong with it


@dataclass
class _Loop:
    tags: list[str]
    values: list[_Token]
    line: int


@dataclass
class _Block:
    name: str
    pairs: dict[str, str] = field(default_factory=dict)  # by the tag in lower case: tag and value
    spelled: dict[str, str] = field(default_factory=dict)
    loops: list[_Loop] = field(default_factory=list)


def mended_cif(text: str) -> tuple[str, list[str]]:
    """The text as a valid CIF, and a sentence for each correction.

    Raises:
        BrokenStructureError: the error is in the structure, or the text is no CIF at all.
    """
    if "\0" in text:
        raise BrokenStructureError("not a text")
    clean = text.translate(_NOTHING).translate(_BLANKS)
    slips = ["byte order mark or special blanks removed"] if clean != text else []
    blocks = _blocks(list(_tokens(clean.splitlines())), slips)
    names: set[str] = set()
    written = "\n".join(_written(block, names, slips) for block in blocks)
    more = f", and {len(slips) - _SAID} more" if len(slips) > _SAID else ""
    return written, [f"syntax corrected: {'; '.join(slips[:_SAID])}{more}"] if slips else []


# --- tokens -----------------------------------------------------------------------------------------------------


def _tokens(lines: list[str]) -> Iterator[_Token]:
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if line.startswith(";"):
            end, closed = _end_of_field(lines, number)
            content = "\n".join([line[1:], *lines[number:end]])
            slip = "" if closed else "a text field is not closed by ;"
            yield _Token("value", _quoted(content.strip()), number, slip)
            line, number = (lines[end][1:], end + 1) if closed else ("", end)
        yield from _tokens_of_line(line, number)


def _end_of_field(lines: list[str], start: int) -> tuple[int, bool]:
    """The line that closes a text field, or that of the next item if it is not closed."""
    closing = next((i for i in range(start, len(lines)) if lines[i].startswith(";")), None)
    if closing is not None:
        return closing, True
    return next((i for i in range(start, len(lines)) if _FIELD_END.match(lines[i])), len(lines)), False


def _tokens_of_line(line: str, number: int) -> Iterator[_Token]:
    for match in _TOKEN.finditer(line):
        text = match.group()
        if text.startswith("#"):
            return
        if text[0] in "'\"":
            if len(text) > 1 and text[-1] == text[0]:
                yield _Token("value", text, number)
                continue
            yield _Token("value", _quoted(line[match.start() + 1 :].strip()), number, "a quote is not closed")
            return
        yield _bare(text, number)


def _bare(text: str, number: int) -> _Token:
    lower = text.lower()
    if lower.startswith("data_"):
        return _Token("header", re.sub(r"[^!-~]", "_", text[5:]), number)
    if lower in ("loop_", "stop_", "global_"):
        return _Token({"loop_": "loop", "stop_": "stop", "global_": "header"}[lower], "", number)
    if text.startswith("_") and len(text) > 1 and text.isascii():
        return _Token("tag", text, number)
    if not text.isascii() or text[0] in "$[]_":
        return _Token("value", _quoted(text), number, f"'{text[:40]}' is not quoted")
    return _Token("value", text, number)


def _quoted(text: str) -> str:
    # a line of the text that begins with ; would end it
    return str(gemmi.cif.quote(re.sub(r"\n;", "\n ;", text)))


# --- items ------------------------------------------------------------------------------------------------------


def _blocks(tokens: list[_Token], slips: list[str]) -> list[_Block]:
    """The blocks; errors are added to the list of errors."""
    blocks: list[_Block] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        place += 1
        if token.kind == "header":
            blocks.append(_Block(token.text or "unnamed"))
            continue
        if not blocks and token.kind != "value":
            slips.append("there is no data_ header")
            blocks.append(_Block("unnamed"))
        if token.kind == "loop":
            place = _add_loop(blocks[-1], tokens, place, slips)
        elif token.kind == "tag":
            end = _run(tokens, place, "value")
            _add_pair(blocks[-1], token, tokens[place:end], slips)
            place = end
        elif token.kind == "value":
            end = _run(tokens, place, "value")
            slips.append(f"line {token.line} belongs to no tag and is left out")
            place = end
    return blocks


def _run(tokens: list[_Token], start: int, kind: str) -> int:
    """The end of a run of tokens of one kind."""
    return next((i for i in range(start, len(tokens)) if tokens[i].kind != kind), len(tokens))


def _add_pair(block: _Block, tag: _Token, values: list[_Token], slips: list[str]) -> None:
    name, slip = tag.text.lower(), next((value.slip for value in values if value.slip), "")
    structural = name.startswith(STRUCTURAL)
    if structural and "closed" in slip:
        raise BrokenStructureError(f"line {tag.line}: {slip} at {tag.text}")
    if not values:
        value, slip = "?", "has no value"
    elif len(values) == 1:
        value = values[0].text
    elif name.startswith(("_cell_length_", "_cell_angle_")) and gemmi.cif.as_number(values[0].text) > 0:
        value, slip = values[0].text, "has more than a number"
    else:
        value, slip = _quoted(" ".join(str(gemmi.cif.as_string(v.text)) for v in values)), "has blanks and no quotes"
    if slip:
        slips.append(f"line {tag.line}, {tag.text}: {slip}")
    if name not in block.pairs or block.pairs[name] in _UNKNOWN:
        again = name in block.pairs
        block.pairs[name], block.spelled[name] = value, tag.text
    else:
        again = True
        if structural and value not in (*_UNKNOWN, block.pairs[name]):
            raise BrokenStructureError(f"{tag.text} is given twice, {block.pairs[name]} and {value}")
    if again:
        slips.append(f"line {tag.line}, {tag.text}: is given twice")


def _add_loop(block: _Block, tokens: list[_Token], start: int, slips: list[str]) -> int:
    """Reads a loop's tags and values; returns the index after them."""
    middle = _run(tokens, start, "tag")
    end = _run(tokens, middle, "value")
    tags, values = [token.text for token in tokens[start:middle]], tokens[middle:end]
    line = tokens[start - 1].line
    structural = any(tag.lower().startswith(STRUCTURAL) for tag in tags)
    if tags and tags[-1].lower() in OPERATIONS:
        values = _operations(tags, values, slips)
    wrong = next((value.slip for value in values if value.slip), "")
    fault = (
        "a loop has no tags or no values"
        if not tags or not values
        else f"the loop of {tags[0]} has {len(values)} values for {len(tags)} tags"
        if len(values) % len(tags)
        else f"the loop of {tags[0]} gives a tag twice"
        if len(set(map(str.lower, tags))) < len(tags) or _known(block, tags)
        else ""
    )
    if structural and (fault or "closed" in wrong):
        raise BrokenStructureError(f"line {line}: {fault or wrong}")
    if fault:
        slips.append(f"line {line}: {fault}, and is left out")
    else:
        slips.extend([f"line {line}, {tags[0]}: {wrong}"] if wrong else [])
        block.loops.append(_Loop(tags, values, line))
    return end


def _known(block: _Block, tags: list[str]) -> bool:
    """Whether an earlier loop has one of these tags."""
    return not {tag.lower() for loop in block.loops for tag in loop.tags}.isdisjoint(map(str.lower, tags))


def _operations(tags: list[str], values: list[_Token], slips: list[str]) -> list[_Token]:
    """The values of a loop of operations; those without quotes are joined line by line."""
    if len(values) % len(tags) == 0 and all(v.text.count(",") == 2 for v in values[len(tags) - 1 :: len(tags)]):
        return values
    rows: dict[int, list[_Token]] = {}
    for value in values:
        rows.setdefault(value.line, []).append(value)
    before = len(tags) - 1
    if any(len(row) <= before for row in rows.values()):
        return values
    joined = []
    for row in rows.values():
        operation = "".join(str(gemmi.cif.as_string(value.text)) for value in row[before:])
        joined += [*row[:before], _Token("value", _quoted(operation), row[0].line)]
    if len(joined) < len(values):
        slips.append(f"line {values[0].line}, {tags[-1]}: operations have blanks and no quotes")
    return joined


def _written(block: _Block, names: set[str], slips: list[str]) -> str:
    name = block.name
    while name.lower() in names:
        name += "_"
    if name != block.name:
        slips.append(f"there are two blocks data_{block.name}")
    names.add(name.lower())
    looped = {tag.lower() for loop in block.loops for tag in loop.tags}
    lines = [f"data_{name}"]
    for tag, value in block.pairs.items():
        if tag in looped:
            if tag.startswith(STRUCTURAL) and value not in _UNKNOWN:
                raise BrokenStructureError(f"{block.spelled[tag]} is given twice, once in a loop")
            slips.append(f"{block.spelled[tag]} is given twice")
            continue
        lines.append(f"{block.spelled[tag]} {value}")
    for loop in block.loops:
        lines += ["loop_", *loop.tags, *(value.text for value in loop.values)]
    return "\n".join(lines) + "\n"
