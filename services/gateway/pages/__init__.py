"""The desk (`/desk/`) and the phone pages (`/m/`): files that the build of `web/` made."""
