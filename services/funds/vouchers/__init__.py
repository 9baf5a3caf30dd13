"""Voucher numbers (支付凭证号, 退款凭证号) that a district's treasury has used: each pays one payee on one day."""
