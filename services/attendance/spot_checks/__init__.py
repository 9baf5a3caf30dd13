"""抽查: persons drawn so that anybody can draw them again, asked within a window, judged by a person."""
