"""Code shared by the five notebooks; see the module table in the README."""

from lib.environment import settle

settle()
