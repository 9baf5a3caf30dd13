"""资金安排: what a project was given, from which document."""
