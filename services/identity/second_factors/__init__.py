"""Second factors (双因素) beside the password: one-time codes by time (RFC 6238), passkeys (../passkeys), recovery codes on paper."""
