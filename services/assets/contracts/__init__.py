"""Operating contracts (经营合同) of assets: terms, receivables (应收), receipts (实收), income and arrears."""
