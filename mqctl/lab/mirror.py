"""Where Debian packages come from on this machine: its own apt sources say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mqctl.model.lab import Release

_MAIN = "http://deb.debian.org/debian"
_SECURITY = "http://deb.debian.org/debian-security"
_CODENAMES = ("bullseye", "bookworm", "trixie", "forky", "sid")
_ARCHIVES = ("oldoldstable", "oldstable", "stable", "testing", "unstable")
_SUITES = frozenset((*_CODENAMES, *_ARCHIVES))
_ONE_LINE = re.compile(
    r"^deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)$"
)


@dataclass(frozen=True)
class Source:
    """One apt source: a mirror, a suite on it, and the key that signs it ("" for apt's own trusted keys)."""

    uri: str
    suite: str
    components: tuple[str, ...] = ("main",)
    signed_by: str = ""

    @property
    def is_debian(self) -> bool:
        """Whether this is Debian's archive; third parties have their own key, and seldom a component main."""
        ours = not self.signed_by or "debian-archive" in self.signed_by
        return ours and "main" in self.components and self.uri.startswith(("http://", "https://"))


@dataclass(frozen=True)
class Mirrors:
    """The mirrors of Debian's archive and of its security archive."""

    main: str = _MAIN
    security: str = _SECURITY


def here(etc_apt: Path = Path("/etc/apt")) -> Mirrors:
    """The mirrors that this machine uses; Debian's own where it names none."""
    sources: list[Source] = []
    for path in (etc_apt / "sources.list", *sorted(etc_apt.glob("sources.list.d/*"))):
        read = {".list": one_line, ".sources": deb822}.get(path.suffix)
        if read and path.is_file():
            sources += read(path.read_text(encoding="utf-8", errors="replace"))
    return choose(sources)


def choose(sources: Iterable[Source]) -> Mirrors:
    """The first mirror of a Debian suite that answers to HTTP, and the first of a security suite."""
    debian = [source for source in sources if source.is_debian]
    main = [s.uri for s in debian if s.suite in _SUITES and s.uri.endswith("debian")]
    security = [s.uri for s in debian if s.suite.removesuffix("-security") in _SUITES - {s.suite}]
    return Mirrors(next(iter(main), _MAIN), next(iter(security), _SECURITY))


def one_line(text: str) -> Iterator[Source]:
    """The sources of a classic `*.list` file: `deb [options] uri suite component...`."""
    for line in text.splitlines():
        found = _ONE_LINE.match(line.partition("#")[0].strip())
        if found:
            options = dict(option.partition("=")[::2] for option in (found["options"] or "").split())
            yield Source(
                uri=found["uri"].rstrip("/"),
                suite=found["suite"],
                components=tuple(found["components"].split()),
                signed_by=options.get("signed-by", ""),
            )


def deb822(text: str) -> Iterator[Source]:
    """The sources of a deb822 `*.sources` file, disabled ones left out."""
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                components = tuple(fields.get("components", "").split())
                yield Source(uri.rstrip("/"), suite, components, fields.get("signed-by", ""))


def _fields(stanza: str) -> dict[str, str]:
    """A stanza's fields by lower-case name; continued lines joined, comments dropped."""
    lines = [line for line in stanza.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\n\s+", " ", "\n".join(lines))
    pairs = (line.partition(":") for line in joined.splitlines() if ":" in line)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def sources_list(release: Release, mirrors: Mirrors) -> str:
    """The `sources.list` of a lab host."""
    lines = [f"deb {mirrors.main} {release} main"]
    if release != "sid":
        lines.append(f"deb {mirrors.security} {release}-security main")
    return "\n".join(lines) + "\n"
