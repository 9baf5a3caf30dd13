"""Jobs of 公益性岗位 and 帮扶车间, and the months that were paid."""
