"""Change requests (变更申请): request, decide, publish and apply changes to projects already in the library."""
