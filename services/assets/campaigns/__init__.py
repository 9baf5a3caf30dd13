"""盘点: everything that should be there, asked for one by one, also from phones that were offline."""
