"""Payments (支付): application, controls, transitions, refunds, and beneficiary lists of household subsidies (一卡通)."""
