"""The lives of the resource types through stacks."""
