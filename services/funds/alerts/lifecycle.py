"""Lifecycle of a fund alert (资金预警)."""

from shared.alerts.lifecycle import alert_lifecycle
from shared.auth import May

ALERT_LIFECYCLE = alert_lifecycle("alert", "资金预警", answer=May.FUND_ALERT, decide=May.FUND_SUPERVISE)
