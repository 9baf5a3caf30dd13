"""Printed documents of an asset: QR labels (标识牌), the public scan page (扫码页), certificates of rights (权属证书)."""
