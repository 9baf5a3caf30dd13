"""What the board's pages show, read from the services without sign-in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.gateway.board.document import describe_standing, format_period
from services.gateway.fan_out import FanOut, gather
from services.gateway.notices.service import check_board, list_boards, list_public_notices
from shared.auth import NATION_CODE
from shared.errors import NotFound
from shared.http import API_PREFIX
from shared.unit_of_work import CHINA_TIME_ZONE

PAGE_SIZE = 20
MAX_CHOICES = 20


@dataclass
class PlaceSearch:
    """Outcome of a region typed by name: its code, or the regions that the name may mean."""

    code: str = NATION_CODE
    choices: list[dict[str, str]] = field(default_factory=list)
    unknown: bool = False


def get_today(fan_out: FanOut) -> date:
    """The day in China."""
    return fan_out.context.clock().astimezone(CHINA_TIME_ZONE).date()


async def find_place(fan_out: FanOut, typed: str, code: str) -> PlaceSearch:
    """The region of a form: a code wins; a name that fits several regions is answered with them."""
    if code:
        return PlaceSearch(code)
    if not typed:
        return PlaceSearch()
    page = await fan_out.get_or_none("identity", "/regions/public", {"q": typed, "limit": MAX_CHOICES}) or {}
    found = page.get("items", [])
    exact = [region for region in found if region["name"] == typed]
    if len(exact) == 1 or len(found) == 1:
        return PlaceSearch((exact or found)[0]["code"])
    if not found:
        return PlaceSearch(unknown=True)
    names = await get_place_names(fan_out, [region["code"] for region in found])
    return PlaceSearch(choices=[{"code": region["code"], "name": names[region["code"]]} for region in found])


async def get_place_names(fan_out: FanOut, codes: list[str]) -> dict[str, str]:
    """Full names below the district: 张义镇堡子村; the code itself when a region is unknown."""
    wanted = {code for one in codes for code in (one, *_name_parts(one))}
    page = await fan_out.get_or_none(
        "identity", "/regions/public", {"codes": ",".join(sorted(wanted)), "limit": 200}
    )
    names = {region["code"]: region["name"] for region in (page or {}).get("items", [])}
    return {one: "".join(names.get(code, "") for code in _name_parts(one)) or one for one in codes}


def _name_parts(code: str) -> list[str]:
    """The codes whose names make up the full name below the district; a district's own code."""
    below = [one for one in dict.fromkeys((code[:9].ljust(12, "0"), code)) if one[6:9] != "000"]
    return below or [code]


async def list_notices(fan_out: FanOut, filters: Mapping[str, Any]) -> dict[str, Any]:
    """One page of notices with their words, and the name of every region on it."""
    page = await list_public_notices(fan_out, filters, PAGE_SIZE)
    today = get_today(fan_out)
    rows = [notice.model_dump(mode="json") for notice in page.items]
    names = await get_place_names(fan_out, list({row["region"] for row in rows})) if rows else {}
    return {
        "rows": [_with_words(row, names, today) for row in rows],
        "next_cursor": page.next_cursor,
        "missing": page.missing,
    }


async def get_notice(fan_out: FanOut, board: str, notice_id: str) -> dict[str, Any]:
    """One notice with its layout and words; NotFound when there is none."""
    await check_board(fan_out, board)
    notice = await fan_out.context.clients.request(
        board, "GET", f"{API_PREFIX}/{board}/public-notices/{notice_id}"
    )
    totals = notice["page"]["totals"]
    lead = next((index for index, text in enumerate(totals) if text), len(totals))
    names = await get_place_names(fan_out, [notice["region"]])
    return _with_words(notice, names, get_today(fan_out)) | {"lead": lead}


def _with_words(notice: dict[str, Any], names: Mapping[str, str], today: date) -> dict[str, Any]:
    mark, words = describe_standing(notice, today)
    running = notice["starts_on"] <= today.isoformat() <= notice["ends_on"]
    return notice | {
        "mark": mark,
        "words": words,
        "running": running,
        "period": format_period(notice["starts_on"], notice["ends_on"]),
        "place": names.get(notice["region"], notice["region"]),
    }


async def find_receipt(fan_out: FanOut, number: str) -> dict[str, Any]:
    """The objection with a receipt number, whichever service holds it; NotFound when none does."""
    answers = await gather(
        fan_out.get_or_none(name, f"/{name}/public-objections/{number}")
        for name in await list_boards(fan_out)
    )
    for answer in answers:
        if answer is not None:
            found: dict[str, Any] = answer
            return found
    raise NotFound("没有这个编号的异议, 请核对后再查", "No objection has this number")


async def list_targets(fan_out: FanOut, region: str, year: int | None, cursor: str) -> dict[str, Any]:
    """One page of decided targets with the names of their regions."""
    params = {
        "region": "" if region == NATION_CODE else region,
        "year": year,
        "cursor": cursor,
        "limit": PAGE_SIZE,
    }
    page = await fan_out.get_or_none("funds", "/funds/public-targets", params) or {
        "items": [],
        "next_cursor": None,
    }
    names = (
        await get_place_names(fan_out, list({row["region"] for row in page["items"]}))
        if page["items"]
        else {}
    )
    return {
        "rows": [row | {"place": names[row["region"]]} for row in page["items"]],
        "next_cursor": page["next_cursor"],
        "missing": list(fan_out.unavailable.values()),
    }
