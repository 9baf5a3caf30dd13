"""Teams (工作队), members and their terms, sponsoring units (帮扶单位), hand-over."""
