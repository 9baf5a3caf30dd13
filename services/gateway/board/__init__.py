"""Notice board (公示栏): pages for everybody, without sign-in and without script."""
