"""标识牌: QR codes that open an asset by its code, for anybody who stands before it."""
