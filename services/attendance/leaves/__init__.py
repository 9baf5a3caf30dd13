"""Leave requests (请假): approval chain by length, delegation of approval steps (审批委托), return."""
