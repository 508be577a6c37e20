"""The change journal: every identity once, at the seq of its last change. Needs `[journal]`."""
