"""Requests about the personal data of payees (一卡通): copy, erasure, hold."""
