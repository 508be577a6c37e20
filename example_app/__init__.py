"""A host application that embeds the operation."""
