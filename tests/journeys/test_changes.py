"""Three changes of docs/changing.md, performed on a copy in the files that the page names, then checked as it says."""

import json
import re
from pathlib import Path

import pytest

from tests.tree_copy import ROOT, check_house_rules, copy_tree, read_tree, run_module

FIELD = "receipt_no"
RULE = {
    "key": "payment.receipt",
    "title": "票据号位数",
    "value": {"digits": 8},
    "effective_from": "2000-01-01",
    "basis": "县级自行确定",
    "confirmed": False,
}
ALERT = {
    "key": "alert.receipt",
    "title": "支付没有票据号",
    "value": {"kind": "other", "answer_workdays": 5},
    "effective_from": "2000-01-01",
    "basis": "县级自行确定",
    "confirmed": False,
}
DETECTOR = '''
async def detect_missing_receipts(context: DetectionContext[AlertRule]) -> list[Detection]:
    """Payments whose receipt number has fewer digits than the rule asks."""
    digits = (await context.work.get_rule(PAYMENT_RECEIPT, on=context.on)).value.digits
    return [
        build_payment_detection(row, f"票据号不足 {digits} 位", AlertSeverity.YELLOW)
        for row in context.note_truncation(
            await repository.system_list_payments_without_receipt(context.work, digits, context.subjects)
        )
    ]


PAYMENT_TOPICS = ('''
QUERY = '''

async def system_list_payments_without_receipt(
    work: UnitOfWork, digits: int, subjects: Subjects
) -> list[sa.Row[Any]]:
    """Payments whose receipt number is shorter than so many digits."""
    query = _select_payments().where(
        sa.func.length(PAYMENT.c.receipt_no) < digits, is_among(PAYMENT.c.id, subjects)
    )
    return list(
        await execute_core(work.session, query.order_by(PAYMENT.c.id.desc()).limit(MAX_ROWS_PER_SCAN))
    )
'''
SHAPE = '''
class ReceiptRule(RuleValue):
    """票据号."""

    digits: Annotated[int, Field(ge=1, le=40)] = Field(title="位数")


PAYMENT_RECEIPT = RuleKey[ReceiptRule]("payment.receipt", ReceiptRule)


class CarryOverRule('''
TEST = '''"""What the changes are for."""

from tests.funds.factories_alerts import list_alerts
from tests.funds.factories_funds import FundsScenario, expect_ok


async def test_a_payment_has_the_field_and_its_absence_raises_the_alert(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    short = await scenario.create_payment(allocation["id"], 1_000_00)
    full = await scenario.create_payment(allocation["id"], 1_000_00, receipt_no="00012345")
    read = expect_ok(await scenario.finance.get(f"/funds/payments/{full['id']}"))
    assert read["receipt_no"] == "00012345"
    assert [alert["subject"] for alert in await list_alerts(scenario, "receipt")] == [short["id"]]
    rules = expect_ok(await scenario.finance.get("/funds/rules/payment.receipt"))
    assert rules[0]["value"] == {"digits": 8}
'''


def edit(tree: Path, name: str, *changes: tuple[str, str]) -> None:
    path = tree / name
    text = path.read_text("utf-8")
    for old, new in changes:
        assert text.count(old) == 1, (name, old, text.count(old))
        text = text.replace(old, new)
    path.write_text(text, "utf-8")


def append_rule(tree: Path, name: str, entry: dict[str, object]) -> None:
    path = tree / name
    line = json.dumps(entry, ensure_ascii=False)
    path.write_text(path.read_text("utf-8").rstrip().removesuffix("]").rstrip() + f",\n {line}\n]\n", "utf-8")


def add_payment_field(tree: Path) -> None:
    """The row "a field on a payment"."""
    edit(
        tree,
        "services/funds/payments/models.py",
        (
            "    purpose: str = Field(max_length=500)\n",
            f'    purpose: str = Field(max_length=500)\n    {FIELD}: str = Field(default="", max_length=40)\n',
        ),
    )
    edit(
        tree,
        "services/funds/payments/schemas.py",
        (
            '    purpose: str = Field(min_length=2, max_length=500, description="用途")\n',
            (
                '    purpose: str = Field(min_length=2, max_length=500, description="用途")\n'
                f'    {FIELD}: str = Field("", max_length=40, description="票据号")\n'
            ),
        ),
        ("    purpose: str\n", f"    purpose: str\n    {FIELD}: str\n"),
    )
    labels = tree / "shared" / "records" / "field_labels.json"
    found = json.loads(labels.read_text("utf-8")) | {FIELD: "票据号"}
    labels.write_text(json.dumps(dict(sorted(found.items())), ensure_ascii=False, indent=1) + "\n", "utf-8")
    run_module(tree, "shared.db.migrate", "funds", "--new", "add receipt numbers of payments")


def add_rule(tree: Path) -> None:
    """The row "a rule"."""
    edit(
        tree,
        "services/funds/policy.py",
        ("\nclass CarryOverRule(", SHAPE),
        ("    TARGET_MONITORING,\n", "    TARGET_MONITORING,\n    PAYMENT_RECEIPT,\n"),
    )
    append_rule(tree, "services/funds/rules/payments.json", RULE)


def add_alert(tree: Path) -> None:
    """The row "a new alert"."""
    edit(
        tree,
        "services/funds/alerts/detectors.py",
        ("\nPAYMENT_TOPICS = (", DETECTOR),
        ("import PAYMENT_PURPOSE, ", "import PAYMENT_PURPOSE, PAYMENT_RECEIPT, "),
        (
            '    Detector("alert.fee", ',
            (
                '    Detector("alert.receipt", AlertRule, detect_missing_receipts, PAYMENT_TOPICS, touched_by("payment_id")),\n'
                '    Detector("alert.fee", '
            ),
        ),
    )
    repository = tree / "services" / "funds" / "alerts" / "repository.py"
    repository.write_text(repository.read_text("utf-8") + QUERY, "utf-8")
    append_rule(tree, "services/funds/rules/alerts.json", ALERT)


def list_named_files() -> set[str]:
    """Every file of services/funds and shared that docs/changing.md names, its placeholders filled for funds."""
    text = (ROOT / "docs" / "changing.md").read_text("utf-8")
    names = set(re.findall(r"`([\w/<>.*]+\.(?:py|json))`", text.replace("<service>", "funds")))
    return names | {"services/funds/payments/schemas.py"}


@pytest.mark.timeout(600)
def test_a_field_a_rule_and_an_alert_are_added_in_the_files_that_the_page_names(tmp_path: Path) -> None:
    tree = copy_tree(tmp_path / "tree")
    before = read_tree(tree)
    add_payment_field(tree)
    add_rule(tree)
    add_alert(tree)
    after = read_tree(tree)
    changed = {path for path in before if before[path] != after.get(path)}
    named = list_named_files()
    patterns = [re.compile(re.escape(name).replace(r"\*", "[^/]+")) for name in named]
    unnamed = {path for path in changed if not any(one.fullmatch(path) for one in patterns)}
    assert unnamed == set(), "docs/changing.md does not name these"
    (migration,) = set(after) - set(before)
    assert re.fullmatch(r"services/funds/migrations/\d{4}_add_receipt_numbers_of_payments\.py", migration)
    (tree / "tests/funds/test_receipts.py").write_text(TEST, "utf-8")
    run_module(tree, "docs.generate")
    sources = [one for one in changed if one.endswith(".py")]
    check_house_rules(tree, sources)
    run_module(tree, "ruff", "check", "--force-exclude", "--quiet", *sources)
    run_module(
        tree,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/funds/test_receipts.py",
        "tests/architecture/test_rules.py",
        "tests/architecture/test_migrations.py",
        "-k",
        "absence or (test_rules and funds) or (make_the_tables and funds) or listed_by_its",
    )
