"""Architecture tests (结构检查): the rules of CONTRIBUTING.md as lints, each with a planted break."""
