"""Second factors (双因素): one-time codes by time (RFC 6238) beside the password, with recovery codes on paper."""
