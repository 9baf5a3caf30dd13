"""请假: asked for, carried along the chain its length asks for, and ended by coming back."""
