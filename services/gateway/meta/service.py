"""Compose the descriptions of all services into one."""

from collections import defaultdict

from services.gateway.fan_out import FanOut, gather
from services.gateway.meta.schemas import Meta, ServiceLabel
from shared.errors import NotFound, Unavailable
from shared.records.description import CodeRead, KindRead, ServiceDescription, load_topic_labels
from shared.records.forms import KindForms

META_PATH = "/internal/meta"
TOPICS = "topics"
"""The code set of the events' topics."""


async def get_meta(fan_out: FanOut) -> Meta:
    """Describe what the caller may use; services that are unavailable are listed in `missing`."""
    names = fan_out.context.clients.list_services()
    answers = await gather(fan_out.get_internal(name, META_PATH) for name in names)
    found = [ServiceDescription.model_validate(answer) for answer in answers if answer is not None]
    kinds = [kind for one in found for kind in one.kinds]
    _fill_children(kinds)
    return Meta(
        services=[ServiceLabel(service=one.service, label=one.label) for one in found],
        kinds=kinds,
        code_sets={name: codes for one in found for name, codes in one.code_sets.items()}
        | {TOPICS: [CodeRead(code=topic, label=label) for topic, label in load_topic_labels().items()]},
        lifecycles=[life for one in found for life in one.lifecycles],
        switches=[switch for one in found for switch in one.switches],
        missing=list(fan_out.unavailable.values()),
    )


def _fill_children(kinds: list[KindRead]) -> None:
    """Say of every kind which kinds name it as their parent."""
    children: dict[str, list[str]] = defaultdict(list)
    for kind in kinds:
        for parent in dict.fromkeys(kind.parents.values()):
            children[parent].append(kind.name)
    for kind in kinds:
        kind.children = children[kind.name]


async def get_forms(fan_out: FanOut, kind: str) -> KindForms:
    """Return the forms of a kind from the service that has it; Unavailable when that may be one that is away."""
    names = fan_out.context.clients.list_services()
    answers = await gather(fan_out.get_internal_or_none(name, f"{META_PATH}/forms/{kind}") for name in names)
    found = next((answer for answer in answers if answer is not None), None)
    if found is None and fan_out.unavailable:
        missing = next(iter(fan_out.unavailable.values()))
        raise Unavailable(missing.reason, f"{missing.service} is away")
    if found is None:
        raise NotFound("没有这种记录", f"No kind {kind}")
    return KindForms.model_validate(found)
