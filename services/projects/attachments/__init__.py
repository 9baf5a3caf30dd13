"""附件: documents of a project by kind, each a file that is there."""
