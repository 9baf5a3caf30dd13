"""Looks for faults in what phones wrote and saw: lost and doubled records, reads that go back, effects without causes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

View = dict[str, int]
"""Record → the version that is seen."""


@dataclass(frozen=True)
class Write:
    """An acknowledged write; `causes` is what its session had seen when it was recorded."""

    item: str
    person: str
    phone: int
    record: str
    version: int
    content: str
    causes: View


@dataclass(frozen=True)
class Read:
    """What a session saw after it had read all changes."""

    person: str
    phone: int
    view: View


@dataclass
class History:
    """Acknowledged writes and reads in their order."""

    events: list[Write | Read] = field(default_factory=list)

    def list_faults(self, final: Mapping[str, tuple[int, str]]) -> list[str]:
        """Every fault; `final` is record → version and content, as the service holds them at the end."""
        return [
            *self._find_lost(final),
            *self._find_doubled(final),
            *self._find_backward_reads(),
            *self._find_missing_causes(),
        ]

    @property
    def writes(self) -> list[Write]:
        """The acknowledged writes."""
        return [one for one in self.events if isinstance(one, Write)]

    def _find_lost(self, final: Mapping[str, tuple[int, str]]) -> Iterator[str]:
        for one in self.writes:
            version, content = final.get(one.record, (0, ""))
            if version < one.version or (version == one.version and content != one.content):
                yield f"lost: {one.content} ({one.record} v{one.version}, stands v{version})"

    def _find_doubled(self, final: Mapping[str, tuple[int, str]]) -> Iterator[str]:
        items: dict[str, set[str]] = defaultdict(set)
        places: dict[str, set[tuple[str, int]]] = defaultdict(set)
        for one in self.writes:
            items[one.record].add(one.item)
            places[one.item].add((one.record, one.version))
        for item, found in places.items():
            if len(found) > 1:
                yield f"doubled: item {item} is {sorted(found)}"
        for record, (version, content) in final.items():
            if version != len(items[record]):
                yield f"doubled: {content} ({record}) is at v{version} after {len(items[record])} writes"

    def _find_backward_reads(self) -> Iterator[str]:
        written: dict[tuple[str, int], View] = defaultdict(dict)
        seen: dict[tuple[str, int], View] = defaultdict(dict)
        for one in self.events:
            session = (one.person, one.phone)
            if isinstance(one, Write):
                own = written[session]
                own[one.record] = max(own.get(one.record, 0), one.version)
                continue
            for words, known in (("own write", written[session]), ("earlier read", seen[session])):
                for record in find_behind(known, one.view):
                    yield f"stale: {session} sees {record} older than its {words}"
            seen[session] = one.view

    def _find_missing_causes(self) -> Iterator[str]:
        by_person: dict[str, list[Write]] = defaultdict(list)
        for one in self.writes:
            by_person[one.person].append(one)
        for read in self.events:
            if isinstance(read, Read):
                for write in by_person[read.person]:
                    if read.view.get(write.record, 0) >= write.version:
                        for record in find_behind(write.causes, read.view):
                            yield f"causal: {write.content} is seen without {record}, which came before it"


def find_behind(known: View, view: View) -> list[str]:
    """Records that a view shows older than they are known."""
    return [record for record, version in known.items() if view.get(record, 0) < version]
