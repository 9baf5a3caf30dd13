"""What every service stands on: access, log, lifecycle, notices, rules, pages. Imports no service, ever."""
