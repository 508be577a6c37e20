"""The change journal: every identity once, at the place of its last change. Needs `[journal]`."""
