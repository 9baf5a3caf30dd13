"""常用手机: the phones a person checks in with; the first ones bind themselves, a further one is asked for."""
