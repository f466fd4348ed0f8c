"""Everything that is computed or decided before a template prints it, one module per component."""
