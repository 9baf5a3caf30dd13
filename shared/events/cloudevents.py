"""Envelopes as CloudEvents 1.0, for external systems (feed by Accept header, webhooks)."""

from typing import Any

from shared.events.event import Envelope

CLOUDEVENT_MEDIA_TYPE = "application/cloudevents+json"
CLOUDEVENT_BATCH_MEDIA_TYPE = "application/cloudevents-batch+json"
CLOUDEVENT_TYPE_PREFIX = "cn.xianjie"


def to_cloudevent(envelope: Envelope, public_url: str) -> dict[str, Any]:
    """The envelope in CloudEvents JSON: `type` is `cn.xianjie.<topic>.v1`, `sequence` orders the events of a source."""
    attributes = {
        "specversion": "1.0",
        "id": str(envelope.id),
        "source": f"{public_url}/api/v1/{envelope.service}",
        "type": f"{CLOUDEVENT_TYPE_PREFIX}.{envelope.type}.v1",
        "subject": envelope.subject,
        "time": envelope.recorded_at.isoformat(),
        "datacontenttype": "application/json",
        "sequence": envelope.cursor,
        "subjectversion": envelope.subject_version,
        "region": envelope.region,
        "actor": envelope.actor,
        "person": envelope.person,
        "onbehalfof": envelope.on_behalf_of,
        "ingestedat": envelope.ingested_at.isoformat(),
        "data": {"before": envelope.before, "after": envelope.after, "reason": envelope.reason},
    }
    return {name: value for name, value in attributes.items() if value != ""}
