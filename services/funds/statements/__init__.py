"""Bank and treasury statements (对账单): matching with payments and refunds, resolution, closing."""
