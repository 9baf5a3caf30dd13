"""End-to-end tests over several services (全流程): the demo story and the tours."""
