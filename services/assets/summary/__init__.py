"""Sums (合计) of assets, their running totals (累计), coverage of projects, the assets' part of the funding trail (资金全链条)."""
