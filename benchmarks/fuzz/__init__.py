"""Fuzzes every parser that reads a file or a request of a stranger's.

Each input is a good file with damage, or what a structured strategy draws. Reading it succeeds, or is
refused with one of mtl's errors that names the file, within 5 s of processor time and 1 GiB of memory.
Anything else is kept as a file.
"""
