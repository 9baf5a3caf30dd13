"""Organisations (单位): directory of village committees, governments, bureaus and companies."""
