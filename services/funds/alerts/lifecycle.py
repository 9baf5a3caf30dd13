"""The life of a fund alert."""

from shared.alerts.lifecycle import alert_life
from shared.permissions import May

ALERT = alert_life("alert", "资金预警", answer=May.FUND_ALERT, decide=May.FUND_ALERT)
