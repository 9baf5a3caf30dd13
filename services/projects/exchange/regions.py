"""Names of a district's towns and villages, asked of identity, and the place a row of a table means."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.access import span
from shared.errors import Refusal
from shared.work import Work

COUNTY, TOWN = 6, 9
PAGE = 1000
ENDINGS = (
    "村民委员会",
    "社区居委会",
    "居民委员会",
    "居委会",
    "村委会",
    "街道办事处",
    "社区",
    "街道",
    "村",
    "镇",
    "乡",
)


@dataclass
class Names:
    """Code → name within one district; empty when identity could not be asked."""

    district: str
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Towns and villages apart, by their short names."""
        self.towns = {code: short(name) for code, name in self.names.items() if _level(code) == TOWN}
        self.villages = {code: short(name) for code, name in self.names.items() if _level(code) > TOWN}

    def of(self, region: str) -> tuple[str, str, str]:
        """County, town and village of a code, as the table shows them."""
        town = region[:TOWN].ljust(12, "0")
        return (
            self.names.get(self.district, ""),
            self.names.get(town, "") if _level(region) >= TOWN else "",
            self.names.get(region, "") if _level(region) > TOWN else "",
        )

    def find(self, town: str, village: str, *texts: str) -> str | None:
        """The region the named town and village mean; without names, the one place a text mentions; None: ambiguous.

        The district itself when nothing is mentioned.
        """
        if town or village:
            return self._named(short(town), village.strip())
        for text in texts:
            towns = [code for code, name in self.towns.items() if name and _said(name, text)]
            inside = [
                code
                for code, name in self.villages.items()
                if _said(name, text) and (not towns or code[:TOWN] in {one[:TOWN] for one in towns})
            ]
            for found in (inside, towns):
                if len(found) == 1:
                    return found[0]
        return self.district

    def _named(self, town: str, village: str) -> str | None:
        towns = [code for code, name in self.towns.items() if name == town] if town else list(self.towns)
        if not village:
            return towns[0] if town and len(towns) == 1 else None
        heads = {code[:TOWN] for code in towns}
        found = [
            code for code, name in self.villages.items() if name == short(village) and code[:TOWN] in heads
        ]
        if len(found) > 1:  # 广场村 and 广场社区 in one town: as it is written
            found = [code for code in found if self.names[code].startswith(village)]
        return found[0] if len(found) == 1 else None


def short(name: str) -> str:
    """A place's name without what kind of place it is, as people write it either way."""
    bare = name.strip()
    for ending in ENDINGS:
        if bare.endswith(ending) and len(bare) > len(ending) + 1:
            return bare.removesuffix(ending)
    return bare


def _said(name: str, text: str) -> bool:
    return len(name) > 1 and any(f"{name}{ending}" in text for ending in ("村", "社区", "镇", "乡", "街道"))


def _level(code: str) -> int:
    if code[TOWN:].strip("0"):
        return len(code)
    return TOWN if code[COUNTY:TOWN].strip("0") else COUNTY


async def names(work: Work, district: str) -> Names:
    """Every region of a district; asked before the first statement of a write. Refused like identity refuses."""
    low, high = span(district[:COUNTY].ljust(12, "0"))
    found: dict[str, str] = {}
    after = str(int(low) - 1).zfill(12)
    while True:
        answer = await work.peer("identity").get("/api/v1/regions", params={"cursor": after, "limit": PAGE})
        items: Sequence[dict[str, str]] = answer["items"]
        found |= {one["code"]: one["name"] for one in items if low <= one["code"] <= high}
        if not items or items[-1]["code"] > high or answer["next_cursor"] is None:
            return Names(low, found)
        after = items[-1]["code"]


async def names_if_there(work: Work, district: str) -> Names:
    """The same, empty while identity is away."""
    try:
        return await names(work, district)
    except Refusal:
        return Names(district[:COUNTY].ljust(12, "0"))
