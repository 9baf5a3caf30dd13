"""钉钉格式的读取地址: our check-ins in DingTalk's fields and limits, so that software written for it reads ours unchanged."""
