"""What attendance adds to the overview and to threads."""

from shared.clients.composition import LINK, Composition, Figure, StepSpec, ThreadPage

COMPOSITION = Composition(
    figures=(
        Figure(rank=40, key="cadres", path=("cadres",), label="驻村干部", unit="人"),
        Figure(rank=41, key="visits", path=("visits",), label="走访", unit="次"),
        Figure(rank=42, key="deeds_done", path=("deeds_done",), label="已办实事", unit="件"),
    ),
    thread_pages=tuple(
        ThreadPage(address="/attendance/visits", by=by, lists={"visits": "items"}, limit=50)
        for by in (LINK, "asset_id")
    ),
    thread_steps=(
        StepSpec(
            rank=11,
            list_name="visits",
            label="走访",
            address="/attendance/visits/{id}",
            text_fields=("person_name", "findings"),
            day_fields=("visited_on",),
        ),
    ),
)
