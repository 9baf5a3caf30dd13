"""Amendments of operating contracts (合同变更): rent that is waived, terms that change."""
