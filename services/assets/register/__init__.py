"""Asset register (资产登记): fields, lifecycles of registration and use, codes, ledger import (台账导入), drafts of projects, map."""
