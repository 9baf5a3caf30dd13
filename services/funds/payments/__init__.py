"""支付: from application to voucher, never above the allocation."""
