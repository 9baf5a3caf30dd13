"""帮办实事 and training: what was got done, for whom, with what money, done or not."""
