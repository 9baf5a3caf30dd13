"""Sums (合计) by class, owner, state and use, their running totals (累计), coverage of projects, and the assets' part of the funding trail (资金全链条)."""
