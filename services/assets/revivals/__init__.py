"""盘活: a plan for an asset that earns too little or stands idle, with its figures before and after."""
