"""Asset register (资产登记): fields, registration and use lifecycles, codes, ledger import (台账导入), drafts from accepted projects, the map (地图)."""
