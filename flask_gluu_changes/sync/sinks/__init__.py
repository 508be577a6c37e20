"""Where changes go: a table of people, files, commands; or whatever has two methods."""

from .sink import Sink as Sink
