"""mqctl's lines in /etc/hosts, merged into what else the file says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

BEGIN = "# BEGIN mqctl"
END = "# END mqctl"


def merge(live: str, block: str) -> str:
    """The live text with the managed block in place of the old one, or at the end; idempotent.

    Every name in the block resolves to the block's address only: other lines lose that name, and vanish
    when it was their only one. Lines of 127.0.1.1 vanish whole: Debian's installer maps the host's own name
    there, and a broker that resolves itself to it is not reachable by its peers. Everything else stays byte
    for byte.
    """
    wanted = addresses(block)
    lines = live.split("\n")
    place, kept = _without_block(lines)
    managed = [BEGIN, *block.strip("\n").split("\n"), END]
    before = [line for old in kept[:place] for line in _cleaned(old, wanted)]
    after = [line for old in kept[place:] for line in _cleaned(old, wanted)]
    return "\n".join([*before, *managed, *(after or [""])])


def unmerge(live: str, own: str) -> str:
    """The live text without the managed block. The host's own name still resolves afterwards, if need be as
    Debian's installer would have it."""
    kept = _without_block(live.split("\n"))[1]
    if own.lower() in addresses("\n".join(kept)):
        return "\n".join(kept)
    end = _end(kept)
    return "\n".join([*kept[:end], f"127.0.1.1 {own}", *(kept[end:] or [""])])


def addresses(text: str) -> dict[str, str]:
    """Address by name in lower case, of a hosts file's lines (hosts(5)); the first line of a name wins."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        address, *names = line.partition("#")[0].split() or [""]
        for name in names:
            found.setdefault(name.lower(), address)
    return found


def _without_block(lines: list[str]) -> tuple[int, list[str]]:
    """The lines outside every managed block, and the place among them where the first block was."""
    kept: list[str] = []
    place: int | None = None
    index = 0
    while index < len(lines):
        if lines[index].strip() == BEGIN:
            place = len(kept) if place is None else place
            index = _after_block(lines, index)
        else:
            kept.append(lines[index])
            index += 1
    return (_end(kept) if place is None else place), kept


def _end(lines: list[str]) -> int:
    """Where an appended line goes: before the empty text that follows a file's last line break."""
    return len(lines) - 1 if lines[-1] == "" else len(lines)


def _after_block(lines: list[str], begin: int) -> int:
    """The index after the block's end. A begin without an end hides nothing but itself."""
    for index in range(begin + 1, len(lines)):
        if lines[index].strip() == END:
            return index + 1
        if lines[index].strip() == BEGIN:
            break
    return begin + 1


def _cleaned(line: str, wanted: Mapping[str, str]) -> Iterator[str]:
    """The line, or what is left of it, or nothing."""
    if line.strip() == END:
        return
    entry, mark, comment = line.partition("#")
    address, *names = entry.split() or [""]
    if not names:
        yield line
    elif address != "127.0.1.1":
        kept = [name for name in names if wanted.get(name.lower(), address) == address]
        if kept == names:
            yield line
        elif kept:
            yield f"{address} {' '.join(kept)}{' ' if mark else ''}{mark}{comment}"
